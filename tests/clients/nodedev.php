<?php
// A client of libvirt's node-device calls in PHP.
//
//     nodedev.php URI list | dump NAME...

[, $uri, $verb] = $argv;
$connection = libvirt_connect($uri, false, []);
if (!$connection) {
    fwrite(STDERR, libvirt_get_last_error() . "\n");
    exit(1);
}
if ($verb === "list") {
    $names = libvirt_list_nodedevs($connection);
    sort($names);
    foreach ($names as $name) {
        echo "$name\n";
    }
}
if ($verb === "dump") {
    foreach (array_slice($argv, 3) as $name) {
        echo libvirt_nodedev_get_xml_desc(libvirt_nodedev_get($connection, $name));
    }
}
