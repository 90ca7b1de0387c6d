#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it runs every build by itself
# The Makefile: rebuilding little, installing, the other compiler.
. "$(dirname "$0")/lib.sh"

unset MAKEFLAGS MAKELEVEL MFLAGS
source=$(cd "$tests/.." && pwd)
make=(make -C "$T/tree" O="$T/clang" CC=clang CFLAGS=-O1 --no-print-directory)

# A copy, so that nobody's files are touched.
mkdir "$T/tree" "$T/tree/build"
(cd "$source" && git -c safe.directory="*" ls-files -z | xargs -0 ls -d | tar c -T - | tar x -C "$T/tree")

ok "it builds with clang" "${make[@]}" -j"$(nproc)"
ok "that binary runs" "$T/clang/npctl" version
# The archives' own doubles have to pass, so the linker would say nothing of ours.
is "no two functions have one name" "$(find "$T/clang/src" -name '*.o' -exec nm -g --defined-only {} + |
	awk 'NF == 3 { print $3 }' | sort | uniq -d)" ""
is "a second make does nothing" "$("${make[@]}")" ""
touch "$T/tree/src/out/table.c"
is "after a change one file is compiled" \
	"$("${make[@]}")" \
	"  CC  src/out/table.c"$'\n'"  LD  npctl"
is "the tree itself stays clean" "$(ls -A "$T/tree/build")" ""

install=("${make[@]}" DESTDIR="$T/root" PREFIX=/usr)
ok "it installs" "${install[@]}" install
ok "the installed binary runs" "$T/root/usr/sbin/npctl" version
ok "the manual is installed" test -s "$T/root/usr/share/man/man8/npctl.8"
for file in bash-completion/completions/npctl zsh/vendor-completions/_npctl fish/vendor_completions.d/npctl.fish; do
	ok "$file is installed" test -s "$T/root/usr/share/$file"
done
is "the presets are installed, and found" "$("$T/root/usr/sbin/npctl" -j policy preset | jq -r '[.[].file] | first')" \
	"$T/root/usr/share/npctl/presets/database.yml"
touch "$T/root/usr/share/npctl/presets/own.yml"
ok "it uninstalls" "${install[@]}" uninstall
is "nothing is left but a preset of one's own" "$(find "$T/root" -type f)" "$T/root/usr/share/npctl/presets/own.yml"

ok "it builds without readline" "${make[@]}" READLINE=0
unlike "and is not linked with it" "$(ldd "$T/clang/npctl")" readline
plain() { printf '%s\n' "$@" | TERM=dumb script -qec "$T/clang/npctl repl" /dev/null | tr -d '\r'; }
like "it has a prompt" "$(plain 'version -j' polcy exit)" 'npctl> .*\{"version".*unknown command "polcy"'
like "and here-documents" "$(plain 'policy apply -f - <<E' '{kind: Nothing}' E exit)" 'standard input:1: Nothing is passed over'
is "its scripts are the same" "$(echo version | "$T/clang/npctl" repl)" "$("$T/clang/npctl" version)"
plan_done
