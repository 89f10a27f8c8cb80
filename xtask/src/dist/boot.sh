# Boots a Debian 12 with our packages in the virtual machine, where booted.sh is run. Follows layers.sh, which tells
# what is there. Called with the program of the tasks and booted.sh after the others.
tasks=$5
booted=$6

say "a Debian 12 with our packages"
layer booted "$lists" "$root"
cp "$daemon" "$at/srv/nodedevd.deb"
cp "$booted" "$at/srv/booted.sh"
cp "$command" "$at/srv/nodedev.deb"
must apt-get install -y -q /srv/nodedevd.deb /srv/nodedev.deb
must apt-get install -y -q libvirt-clients
rm "$at/usr/sbin/policy-rc.d"
umount "$at/var/cache/apt/archives" "$at/proc" "$at/sys" "$at/run" "$at/dev/pts" "$at/dev"

say "booting it"
"$tasks" vm --no-install --timeout 1500 --system "$at" -- sh /srv/booted.sh
