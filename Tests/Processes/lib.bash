# shellcheck shell=bash
#
# Tests of the shim as a process, without an engine: docker is a program that writes down what it was given, and the engine one that
# records what it is asked. It is the harness of the suites on engines (Tests/EndToEnd/lib.bash), and besides:
#   recording NAME containerd|classic  an engine NAME for `on` and `direct`, with the recording docker and an idle buildx
#   built NAME DIR       a build of that project by the shim, whose export is in the store: the next one imports
#   forgotten NAME       no record of it any more
#   given NAME FIELD     what its docker was given: argv without its first word and environment, each word with a NUL behind it, or
#                        descriptors, a line "NUMBER TARGET" each
#   words WORD...        the words, each with a NUL behind it
#   ours                 an expression for the options that the shim adds
#   faked STAND-IN [VAR=VALUE...] COMMAND...  with the shim before $fakes/STAND-IN; plain: the stand-in alone
#   execve FILE ARGV ENVIRONMENT [root=DIR] [block=NUMBER] [ignore=NAME]  ARGV and ENVIRONMENT are files of words with a NUL behind each,
#                        which may be ones that no shell can write
#   same FILE FILE       they are equal

# shellcheck source=Tests/EndToEnd/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/../EndToEnd/lib.bash"
need python3
processes=$root/Tests/Processes
# shellcheck disable=SC2034 # suites use it
ours='^--cache-(from|to)=type=local,(src|dest)=[^,]*/store/v1/u0/gen-'

# The toolchain's own compiler for C, as for the fuzzer.
clang=$(dirname "$(realpath "$(command -v swiftc)")")/clang
recorder=$work/recorder
if [[ ! -e $recorder ]]; then
    "$clang" -O1 -Wall -Werror -o "$recorder" "$processes/recorder.c" || exit 1
fi

recording() {
    local folder=$work/recording-$1
    mkdir -p "$folder/bin" "$folder/config/cli-plugins"
    cp "$recorder" "$folder/bin/docker"
    cp "$root/Tests/Oracle/plugin" "$folder/config/cli-plugins/docker-buildx"
    echo '{}' >"$folder/config/config.json"
    python3 -B "$processes/engine.py" "$folder/e.sock" "$2" </dev/null >/dev/null 2>&1 &
    recordings+=($!)
    await 20 test -S "$folder/e.sock"
    printf '%s=%q\n' DOCKER_HOST "unix://$folder/e.sock" DOCKER_CONFIG "$folder/config" ENGINE_DOCKER "$folder/bin/docker" >"$work/engines/$1"
}
recordings=()
trap 'status=$?; [[ ${#recordings[@]} == 0 ]] || kill "${recordings[@]}"; end_run "$status"' EXIT

record_of() { echo "$work/recording-$1/bin/${2:-record.json}"; }
forgotten() { rm -f "$work/recording-$1/bin"/{argv,environment,record.json}; }
built() {
    run on "$1" SLIPWAY_RECORD=off docker build -t app "$2"
    python3 -B "$processes/export.py" "$(record_of "$1")"
    # What has not changed is left alone.
    unique >"$2/changed"
}
given() {
    case $2 in
        argv) tail -z -n +2 "$(record_of "$1" argv)" ;;
        environment) cat "$(record_of "$1" environment)" ;;
        descriptors) jq -r '.descriptors | sort_by(.number)[] | "\(.number) \(.target)"' "$(record_of "$1")" ;;
    esac
}
words() { [[ $# == 0 ]] || printf '%s\0' "$@"; }
same() { diff "$1" "$2" || fail "$1 and $2 differ"; }

# -- Other stand-ins ----------------------------------------------------------------------------------------------------

fakes=$work/stand-ins
mkdir -p "$fakes"/{sleep,mark}
# A program under another name: the kernel passes its arguments, with nothing in between. It keeps running, and can be inspected.
install -m 755 "$(type -P sleep)" "$fakes/sleep/docker"
# shellcheck disable=SC2016 # the stand-in expands it
printf '#!/bin/sh\necho "marked $0"\n' >"$fakes/mark/docker"
chmod 755 "$fakes/mark/docker"

faked() {
    local name=$1
    shift
    note "$ faked $name $*"
    $become env -i HOME="$home" SLIPWAY_STORE="$store" PATH="$work/bin:$fakes/$name:/usr/bin:/bin" "$@"
}
plain() {
    local name=$1
    shift
    note "$ plain $name $*"
    $become env -i HOME="$home" PATH="$fakes/$name:/usr/bin:/bin" "$@"
}

cat >"$fakes/execve.pl" <<'PERL'
use strict;
use POSIX ();
sub words {
    open my $in, '<', $_[0] or die "$_[0]: $!";
    local $/;
    my @words = split /\0/, <$in> // '', -1;
    pop @words;
    return @words;
}
my $file = shift @ARGV;
my @argv = words(shift @ARGV);
my @environment = words(shift @ARGV);
my $number = (POSIX::uname())[4] eq 'x86_64' ? 59 : 221;
for (@ARGV) {
    if (/^root=(.*)/) { chroot $1 and chdir '/' or die $! }
    if (/^block=(.*)/) { POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new($1)) or die $! }
    if (/^ignore=(.*)/) { $SIG{$1} = 'IGNORE' }
}
my $vector = pack 'p*', @argv, undef;
my $variables = pack 'p*', @environment, undef;
syscall $number, $file, $vector, $variables;
die "$file: $!";
PERL
execve() { $become perl "$fakes/execve.pl" "$@"; }
