#!/bin/bash
# Boots Debian's systemd in a container over this machine's own files, none of which it changes:
# what is written goes to memory. It has a network of its own, with nothing but loopback.
#
#   unshare --mount bash tests/deploy/systemd_box.sh FOLDER
#
# Needs root, and Debian's systemd-container. FOLDER is seen in the container as /srv/box. Prints the
# process id of the container's init once it has booted, for nsenter; ends when the container does.
set -euo pipefail
folder=$1
memory=$(mktemp -d)
mount -t tmpfs tmpfs "$memory"
mkdir "$memory/upper" "$memory/work" "$memory/root"
root=$memory/root
mount -t overlay overlay "$root" -o "lowerdir=/,upperdir=$memory/upper,workdir=$memory/work"
: >"$root/etc/machine-id"
rm -rf "$root/opt/poegate" "$root/var/lib/poegate" "$root/var/lib/private/poegate" \
  "$root/etc/poegate.env" "$root"/etc/systemd/system/poegate.*
# Services of this machine are none of the container's: it starts no more than basic.target wants.
systemd-nspawn --directory="$root" --bind="$folder:/srv/box" --boot --private-network \
  --register=no --keep-unit --console=pipe --machine=poegate-box \
  systemd.unit=basic.target </dev/null >"$folder/boot.log" 2>&1 &
nspawn=$!
inside() { nsenter -t "$init" -m -p -C env -i PATH=/usr/bin:/bin "$@"; }
for _ in $(seq 300); do
  init=$(pgrep -P $nspawn | head -1 || true)
  if [ -n "$init" ] && [ "$(inside systemctl is-active basic.target 2>/dev/null)" = active ]; then
    echo "$init"
    wait $nspawn || true
    rmdir "$memory" 2>/dev/null || true
    exit
  fi
  sleep 0.1
done
cat "$folder/boot.log" >&2
kill $nspawn
exit 1
