# shellcheck shell=bash disable=SC2154,SC2034 # the harness's variables
#
# A registry for suites that share stores through it, and the hosts that do.

clients=$("$root/Scripts/engines" registry)
port=

# A host is a store and a HOME of its own, on an engine of its own: two hosts share only the registry. `address` is that
# of another registry.
#   host NAME ENGINE ROLE [VAR=VALUE...] COMMAND...
host() {
    local home=$place/home-$1 store=$place/store-$1 engine=$2 role=$3
    mkdir -p "$home"
    on "$engine" "${tools[@]}" SLIPWAY_REMOTE="${address:-127.0.0.1:$port}/team/cache" SLIPWAY_REMOTE_ROLE="$role" SLIPWAY_REMOTE_INSECURE=on \
        SLIPWAY_REMOTE_CLIENT="$clients/${client:-oras}" "${@:4}"
}
tools=()

# registry [STORAGE]: starts one, and the proxy in front of it, which fails as `fault` says; sets port and straight. After `authority` the
# proxy speaks TLS. STORAGE are other lines of configuration for it than a folder's.
registry() {
    mkdir -p registry proxy
    [[ ! -d tls ]] || cp tls/cert tls/key proxy/
    serve "${1:-storage: {filesystem: {rootdirectory: $place/registry\}, delete: {enabled: true\}\}}"
    fault pass
    python3 "$root/Tests/EndToEnd/registry-faults.py" proxy "$straight" >proxy.log 2>&1 &
    await 20 test -s proxy/port
    port=$(<proxy/port)
}

# private_registry: starts one that speaks TLS itself, and wants the name "me" and the password "secret"; no proxy is in front of it.
private_registry() {
    need htpasswd apache2-utils
    local http=", tls: {certificate: $place/tls/cert, key: $place/tls/key}"
    mkdir -p registry
    authority
    htpasswd -Bbn me secret >tls/users
    serve "storage: {filesystem: {rootdirectory: $place/registry}}" "auth: {htpasswd: {realm: test, path: $place/tls/users}}"
    port=$straight
}

# serve LINE...: starts a registry with these lines of configuration, on a free port, which it leaves in $straight
serve() {
    straight=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    printf '%s\n' 'version: 0.1' 'log: {level: error}' "http: {addr: \"127.0.0.1:$straight\"${http-}}" "$@" >registry.yml
    "$clients/docker-registry" serve registry.yml >registry.log 2>&1 &
    await 20 listens
}

# authority: an authority that nobody trusts, tls/ca.pem, and a certificate of it for localhost, tls/cert with tls/key
authority() {
    need openssl
    mkdir tls
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=throw-away -keyout tls/ca.key -out tls/ca.pem \
        -addext basicConstraints=critical,CA:true 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout tls/key -out tls/csr 2>/dev/null
    openssl x509 -req -in tls/csr -CA tls/ca.pem -CAkey tls/ca.key -days 2 -out tls/cert -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1) 2>/dev/null
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$straight") 2>/dev/null; }
fault() { echo "$*" >proxy/mode.new; mv proxy/mode.new proxy/mode; }
asked() { { cat proxy/requests 2>/dev/null || true; } | wc -l; }

# remote_codes NAME: the codes in the journal entries of a host about the registry
remote_codes() {
    jq -r 'select(.command == "remote") | .notes[].code' "$place/home-$1/.local/state/slipway/journal.jsonl" 2>/dev/null | sort -u | tr '\n' ' '
}
remote_has() { [[ " $(remote_codes "$1")" == *" $2 "* ]]; }
pushed() { await 60 remote_has "$1" SLP900; await 60 at_rest; }
key_of() { basename "$(find "$place/store-$1"/v1/u0/current/exports/ -mindepth 1 -maxdepth 1 -type d | head -n 1)"; }
