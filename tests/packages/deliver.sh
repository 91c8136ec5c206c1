# Runs the deliverer as its unit does, for an entry that another program submits.
set -eu
unit=/etc/systemd/system/callback-deliverer.service
value() { sed -n "s/^$1=//p" $unit; }
mkfifo ready delivered
callback-sandbox --listen 127.0.0.1:0 > ready &
sandbox=$!
trap 'kill $sandbox; rm -f ready delivered' EXIT
read -r line < ready
config=/etc/callback-deliverer.json
sed -i "s|https://gms.example.com|${line#listening on }|" $config

as_user="setpriv --reuid $(value User) --regid $(value Group) --clear-groups"
cc /usr/share/doc/libcallbackservice-dev/examples/c/submit.c $(pkg-config --cflags --libs callbackservice) -o submit
stored=$($as_user ./submit $config +14155550123 order-5)
umask "$(value UMask)"
$as_user $(value ExecStart) > delivered &
deliverer=$!
exec 3< delivered
read -r line <&3
case $stored in *"${line%% *}"*) ;; *) echo "$stored, but $line" && exit 1 ;; esac
echo "$line"
kill $deliverer
status=0
wait $deliverer || status=$?
echo "ended with $status"
