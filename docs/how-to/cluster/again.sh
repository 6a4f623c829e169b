#!/bin/bash
# Trains, and goes on from the last checkpoint when something has ended it, such as a rank that died; at most TIMES times:
#   again.sh TIMES OUT LAUNCHER… evo -- OPTIONS OF evo train
#   again.sh 20 results/runs/ant mpirun -n 4 evo -- --config ant.ron
times=$1 out=$2
shift 2
# mpirun does not tell by its exit code that it was told to stop.
told=
trap 'told=143' TERM
trap 'told=129' HUP
trap 'told=130' INT
launch=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    launch+=("$1")
    shift
done
shift
for ((begun = 0; ; begun++)); do
    if [ -e "$out/config.ron" ]; then
        "${launch[@]}" resume "$out" -q
    else
        "${launch[@]}" "$@" --out "$out" -q
    fi
    code=${told:-$?}
    # 0: done. 2: what was asked for is wrong. 129, 130 and 143: told to stop.
    case $code in 0 | 2 | 129 | 130 | 143) exit $code ;; esac
    if [ "$begun" -ge "$times" ]; then
        echo "again.sh: ended with code $code, after $times further tries" >&2
        exit $code
    fi
    echo "again.sh: ended with code $code; goes on from the last checkpoint, try $((begun + 1)) of $times" >&2
done
