# shellcheck shell=sh disable=SC2034,SC2154
# Slipway's install.sh, blocks: our marked lines in the files of others. They are put in only where taking them out gives
# back the very same bytes; what that needs stands in the marker: "(new file)", "(line end added)".

begin='# >>> slipway >>>'
end='# <<< slipway <<<'

quote_fish() { printf "'%s'\n" "$(printf '%s\n' "$1" | sed "s/[\\\\']/\\\\&/g")"; }

# The line that does it, for sh or fish. It also tells whose block it is: there may be installs below other prefixes.
block_line() {
    if [ "$1" = fish ]; then
        word=$(quote_fish "$home/shell/slipway.fish")
        say "if test -r $word; source $word; end"
    else
        word=$(quote "$snippet")
        say "if [ -r $word ]; then . $word; fi"
    fi
}

block() { # block LINE NOTE
    printf '%s\n' "$begin$2" '# Puts the docker of Slipway first on PATH; "install.sh --uninstall" takes this out again.' "$1" "$end"
}

# find_blocks FILE LINE: "first last note" of each whole block that has this line, or any line if LINE is empty.
find_blocks() {
    BEGIN=$begin END=$end LINE=$2 awk '
        index($0, ENVIRON["BEGIN"]) == 1 {
            start = NR
            note = substr($0, length(ENVIRON["BEGIN"]) + 1)
            hit = ENVIRON["LINE"] == ""
        }
        start && $0 == ENVIRON["LINE"] { hit = 1 }
        index($0, ENVIRON["END"]) == 1 {
            if (start && hit) print start, NR, note
            start = 0
        }
    ' "$1"
}
count_blocks() { find_blocks "$1" "$2" | wc -l; }

# strip_blocks FROM TO LINE: TO is FROM without its blocks, each with what was added for its sake.
# Sets stripped (how many) and was_new (the file was made for a block).
strip_blocks() {
    stripped=0
    was_new=
    cat "$1" >"$2" || return 1
    while :; do
        found=$(find_blocks "$2" "$3" | head -n 1)
        [ -n "$found" ] || return 0
        first=${found%% *}
        rest=${found#* }
        last=${rest%% *}
        head -n $((first - 1)) "$2" >"$work/head"
        tail -n +$((last + 1)) "$2" >"$work/tail"
        case $rest in *'(line end added)'*)
            # Only while it is still the last: otherwise two lines of the user's would become one.
            if [ ! -s "$work/tail" ]; then
                head -c $(($(wc -c <"$work/head") - 1)) "$work/head" >"$work/cut" && mv -f "$work/cut" "$work/head"
            fi
            ;;
        esac
        case $rest in *'(new file)'*) was_new=1 ;; esac
        cat "$work/head" "$work/tail" >"$2" || return 1
        stripped=$((stripped + 1))
    done
}

# The file that is really read and written when $1 is a link.
behind() { if [ -L "$1" ]; then readlink -f -- "$1"; else say "$1"; fi; }

# write_back NEW FILE: FILE gets the content of NEW and keeps its mode, owner and other names.
write_back() {
    if [ -e "$2" ] && [ ! -w "$2" ]; then return 1; fi
    half=
    if [ ! -e "$2" ] || [ "$(stat -c %h -- "$2")" = 1 ]; then half=$(mktemp -- "$2.new-XXXXXX"); fi
    if [ -n "$half" ] && if [ -e "$2" ]; then cp -p -- "$2" "$half"; else chmod +r "$half"; fi; then
        cat "$1" >"$half" && mv -f -- "$half" "$2" && return
        rm -f -- "$half"
        return 1
    fi
    [ -z "$half" ] || rm -f -- "$half"
    [ -e "$2" ] && cat "$1" >"$2"
} 2>/dev/null

untouched() { # untouched FILE WHY
    warn "$1 was left unchanged: $2"
    return 1
}

# add_block FILE sh|fish top|end|both: "both" is for files whose other lines put another docker ahead of ours.
add_block() {
    target=$(behind "$1")
    line=$(block_line "$2")
    if [ -z "$target" ] || [ -d "$target" ]; then
        untouched "$1" "it is not a file"
        return
    fi
    : >"$work/plain"
    note=' (new file)'
    if [ -e "$target" ]; then
        if ! [ -r "$target" ] || ! [ -f "$target" ]; then
            untouched "$1" "it cannot be read"
            return
        fi
        wanted=1
        [ "$3" != both ] || wanted=2
        count=$(count_blocks "$target" "$line")
        if [ "$count" -ge "$wanted" ] && [ "$count" = "$(count_blocks "$target" "")" ]; then
            record block "$1"
            return
        fi
        strip_blocks "$target" "$work/plain" "" || return
        if [ -z "$was_new" ] || [ -s "$work/plain" ]; then note=; fi
    fi
    {
        [ "$3" = end ] || block "$line" "$note"
        cat "$work/plain"
        if [ "$3" != top ]; then
            if [ -s "$work/plain" ] && [ "$(tail -c 1 "$work/plain" | wc -l)" -eq 0 ]; then
                say ""
                note=' (line end added)'
            fi
            block "$line" "$note"
        fi
    } >"$work/with"
    strip_blocks "$work/with" "$work/again" "$line"
    if ! cmp -s "$work/plain" "$work/again"; then
        untouched "$1" "a block could not be taken out of it again without a trace"
        return
    fi
    doing "add a block to $1" || return 0
    if ! make_folder "${1%/*}" || ! write_back "$work/with" "$target"; then
        untouched "$1" "it cannot be written"
        return
    fi
    record block "$1"
}

# remove_block FILE: says what it did, if there was something to do.
remove_block() {
    [ -e "$1" ] || return 0
    target=$(behind "$1")
    [ -f "$target" ] && [ -r "$target" ] || return 0
    cat "$target" >"$work/now"
    total=0
    new_file=
    for line in "$(block_line sh)" "$(block_line fish)"; do
        strip_blocks "$work/now" "$work/next" "$line" || return
        total=$((total + stripped))
        new_file=$new_file$was_new
        mv -f "$work/next" "$work/now"
    done
    if [ "$total" -gt 0 ] && [ -n "$new_file" ] && [ ! -s "$work/now" ]; then
        delete "$target" "nothing else was in it"
    elif [ "$total" -gt 0 ] && doing "take the block out of $1"; then
        if write_back "$work/now" "$target"; then
            say "removed: the block in $1"
        else
            warn "cannot write $1: remove the lines from \"$begin\" to \"$end\" by hand"
            failed=1
        fi
    fi
    if [ -z "$dry" ] && [ -e "$target" ] && grep -q "^$begin" "$target"; then
        warn "$1 still has lines between \"$begin\" and \"$end\" that do not belong to this install, or were changed: left unchanged"
    fi
}
