# Installs, upgrades and purges our packages in a fresh Debian 12. Follows layers.sh, which tells what is there.

# What depends on our packages, or is recommended with them, without themselves.
needed() {
    for package in "$daemon" "$command"; do
        dpkg-deb --field "$package" Depends
        dpkg-deb --field "$package" Recommends
    done | sed 's/^[A-Z][a-z]*: //' | tr ',' '\n' | sed 's/^ *//' | grep -vxE 'nodedevd?' | sort -u | paste -sd ,
}

# Every name in the root, but for what tells of the packages' manager's own work and of systemctl's.
names() {
    for part in . run; do
        (cd "$at" && find "$part" -xdev)
    done | grep -vE '^\./(var/log/(apt|dpkg\.log|alternatives\.log)|var/(cache|lib)/apt|srv/.*\.deb$)' |
        grep -vx run/systemd/systemd-units-load | sort
}

compare_with_before() {
    names >"$layers/after"
    if ! diff "$layers/before" "$layers/after" >>"$log"; then
        fail "purging $1 does not leave what was there before"
    fi
}

# The daemon of the package, and a client that knows nothing of it.
try_daemon() {
    must nodedevd --check-config
    must nodedevd --daemon --pid-file /run/nodedevd.pid
    inside virsh -q -c nodedev:///system nodedev-list >"$layers/virsh" 2>>"$log" ||
        fail "virsh is not answered"
    grep -qx computer "$layers/virsh" || fail "virsh lists no computer"
    inside nodedev --connect /run/nodedev/io.nodedev.NodeDevice list >"$layers/nodedev" 2>>"$log" ||
        fail "nodedev is not answered"
    sed -i '/^$/d; s/ *$//' "$layers/virsh"
    sort "$layers/virsh" >"$layers/virsh.sorted"
    sort "$layers/nodedev" | diff "$layers/virsh.sorted" - >>"$log" || fail "virsh and nodedev list different devices"
    say "virsh -c nodedev:///system lists $(wc -l <"$layers/virsh") devices"
    try_completion
    pid=$(cat "$at/run/nodedevd.pid")
    kill "$pid"
    timeout 30 tail --pid="$pid" -f /dev/null || fail "the daemon does not end"
}

# The script of the package, as bash loads it, gives the name of a device while the daemon runs.
try_completion() {
    inside bash -c '. /usr/share/bash-completion/completions/nodedev && COMP_WORDS=(nodedev dump compu) &&
        COMP_CWORD=2 && _clap_complete_nodedev nodedev compu dump && echo "${COMPREPLY[*]}"' >"$layers/completed" 2>>"$log"
    grep -qw computer "$layers/completed" || fail "bash does not complete a name"
}

# Every default that is written in the file may be set there.
try_defaults() {
    sed -n 's/^#\([a-z_]* = .*[^.]\)$/\1/p' "$at/etc/nodedev/nodedevd.conf" >"$at/srv/defaults.conf"
    [ "$(wc -l <"$at/srv/defaults.conf")" -gt 20 ] || fail "nodedevd.conf has hardly any defaults"
    inside nodedevd --config /srv/defaults.conf --check-config >"$layers/config" 2>&1 ||
        { cat "$layers/config" >>"$log"; fail "nodedevd.conf has defaults that are none"; }
    rm "$at/srv/defaults.conf"
}

# Every page that the configuration and the pages of the daemon's manual name is there, or another package's.
try_pages() {
    zcat "$at"/usr/share/man/man5/nodedevd.conf.5.gz "$at"/usr/share/man/man8/nodedevd.8.gz |
        sed 's/\\f[A-Z]//g; s/\\-/-/g' | cat - "$at/etc/nodedev/nodedevd.conf" >"$layers/pages"
    grep -oE 'nodedev[a-z.-]*\([0-9]\)' "$layers/pages" | sort -u | tr -d ')' | tr '(' ' ' |
        while read -r name section; do
            [ -s "$at/usr/share/man/man$section/$name.$section.gz" ] || echo "$name($section)"
        done >"$layers/absent"
    grep -oE '[a-z/]*doc[a-z/]*/[a-z.-]+\.(md|json)' "$layers/pages" | sort -u | while read -r page; do
        [ -s "$at/$page" ] || [ -s "$at/$page.gz" ] || echo "$page"
    done >>"$layers/absent"
    [ "$(grep -c . "$layers/pages")" -gt 100 ] || fail "the daemon's manual is hardly there"
    [ ! -s "$layers/absent" ] || fail "pages are named that are not installed: $(paste -sd ' ' "$layers/absent")"
}

# Of an older version, with another configuration as it comes.
older() {
    dpkg-deb --raw-extract "$1" "$layers/old"
    sed -i 's/^Version: .*/Version: 0.0.1-1/' "$layers/old/DEBIAN/control"
    echo '# As it was once.' >>"$layers/old/etc/nodedev/nodedevd.conf"
    dpkg-deb -Znone --root-owner-group --build "$layers/old" "$at/srv/older.deb" >>"$log"
    rm -r "$layers/old"
}

say "what our packages need, without them"
layer needed "$lists" "$root"
must apt-get satisfy -y -q "$(needed)"
must apt-get install -y -q libvirt-clients
names >"$layers/before"

say "apt install ./nodedevd_*.deb ./nodedev_*.deb"
layer fresh "$lists" "$root"
cp "$daemon" "$at/srv/nodedevd.deb"
cp "$command" "$at/srv/nodedev.deb"
must apt-get install -y -q /srv/nodedevd.deb /srv/nodedev.deb
must apt-get install -y -q libvirt-clients
must dpkg --verify nodedevd nodedev
must getent group libvirt
must systemd-analyze verify --man=no nodedevd.service nodedevd.socket nodedevd-ro.socket nodedevd-varlink.socket
for unit in nodedevd.service nodedevd.socket nodedevd-ro.socket nodedevd-varlink.socket; do
    must systemctl is-enabled "$unit"
done
for file in man/man1/nodedev.1.gz man/man1/nodedev-list.1.gz man/man5/nodedevd.conf.5.gz man/man8/nodedevd.8.gz \
    doc/nodedevd/copyright doc/nodedevd/changelog.gz doc/nodedev/copyright zsh/vendor-completions/_nodedev \
    doc/nodedevd/examples/mounts.py fish/vendor_completions.d/nodedev.fish; do
    [ -s "$at/usr/share/$file" ] || fail "/usr/share/$file is missing"
done
try_daemon
try_defaults
try_pages

say "apt purge nodedevd nodedev"
must apt-get purge -y -q nodedevd nodedev
compare_with_before "what was installed and run"

say "an older version, its configuration edited, and the upgrade"
older "$daemon"
must apt-get install -y -q /srv/older.deb /srv/nodedev.deb
must systemctl disable nodedevd-ro.socket
echo 'max_clients = 77' >>"$at/etc/nodedev/nodedevd.conf"
must apt-get install -y -q -o Dpkg::Options::=--force-confold /srv/nodedevd.deb
must dpkg --compare-versions "$(inside dpkg-query -W -f '${Version}' nodedevd)" gt 0.0.1-1
grep -qx 'max_clients = 77' "$at/etc/nodedev/nodedevd.conf" || fail "the upgrade lost what was configured"
! inside systemctl is-enabled --quiet nodedevd-ro.socket || fail "the upgrade enables what was disabled"
try_daemon

say "apt remove nodedevd, which keeps the configuration, then apt purge"
must apt-get remove -y -q nodedevd
grep -qx 'max_clients = 77' "$at/etc/nodedev/nodedevd.conf" || fail "removing lost what was configured"
must apt-get purge -y -q nodedevd nodedev
compare_with_before "what was upgraded and run"
