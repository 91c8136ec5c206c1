# Builds programs with the installed library in every way, and runs them against a sandbox.
set -eu
mkfifo ready
callback-sandbox --listen 127.0.0.1:0 > ready &
sandbox=$!
trap 'kill $sandbox; rm -f ready' EXIT
read -r line < ready
base=${line#listening on }

c='-std=c99 -D_GNU_SOURCE -Wall -Wextra -Werror'
cpp='-std=c++17 -Wall -Wextra -Werror'
shared=$(pkg-config --cflags --libs callbackservice)
static=$(pkg-config --static --cflags --libs callbackservice)
mkdir programs
cc $c interface.c $shared -o programs/c-shared
cc $c -static interface.c $static -o programs/c-static
c++ $cpp -x c++ quickstart.cpp $shared -o programs/cpp-shared
c++ $cpp -static -x c++ quickstart.cpp $static -o programs/cpp-static
cmake -S project -B project/build > log || { cat log; exit 1; }
cmake --build project/build > log || { cat log; exit 1; }

for program in programs/c-shared programs/c-static project/build/c-shared project/build/c-static; do
    $program "$base"
    echo "$program: ok"
done
for program in programs/cpp-shared programs/cpp-static project/build/cpp-shared project/build/cpp-static; do
    $program "$base/genesys/1/service/callback/samples"
    echo "$program: ok"
done
for program in programs/c-static programs/cpp-static; do
    if readelf -d $program | grep NEEDED; then exit 1; fi
done

# An exception that leaves a handler ends the program with a message, and does not crash it.
c++ $cpp exception.cpp $shared -o exception
status=0
./exception "$base/genesys/1/service/callback/samples" > log 2>&1 || status=$?
cat log
test $status = 134 && grep -q exception log
echo 'exception: ok'
