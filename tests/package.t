#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# plain build only: it makes builds of its own
# What others get: a tree without git, the same binary from it, one without
# libraries, a Debian package. `make check-deb` tries the package in a bare system.
limit=600
. "$(dirname "$0")/lib.sh"

unset MAKEFLAGS MAKELEVEL MFLAGS
source=$(cd "$tests/.." && pwd)
git() { command git -C "$source" -c safe.directory='*' "$@"; }
git rev-parse -q --verify HEAD >/dev/null || skip_all "not a git work tree"
version=$(npctl -j version | jq -r .version)

# The tree that dist makes, with what is not yet committed.
make=(make -C "$T/some/where" O="$T/out" --no-print-directory)
tarball=$(make --no-print-directory -C "$source" O="$T" dist)
like "dist is called after the version" "$tarball" "/npctl-$version\.tar\.gz$"
mkdir -p "$T/some/where"
ok "dist unpacks" tar xzf "$tarball" --strip-components=1 -C "$T/some/where"
is "it has all files" "$(cd "$T/some/where" && find . -type f ! -name VERSION | sort)" \
	"$(git ls-tree -r --name-only HEAD | sed 's,^,./,' | sort)"
is "dist, again, is the same" "$(sha256sum <"$tarball")" \
	"$(make --no-print-directory -C "$source" O="$T" dist | xargs sha256sum | sed 's/ .*/  -/')"
(cd "$source" && git ls-files -z | xargs -0 ls -d 2>/dev/null | tar c -T - | tar x -C "$T/some/where")
ok "it builds without git" env CCACHE_DISABLE=1 "${make[@]}" -j"$(nproc)"
is "it knows its version" "$("$T/out/npctl" -j version | jq -r .version)" "$version"
if [ -n "${CCACHE_BASEDIR:-}" ]; then
	skip "ccache has changed paths in the first build"
else
	ok "it is the same binary as that of another directory" cmp "$T/out/npctl" "$NPCTL"
fi

# One file that needs no other.
cp "$T/out/npctl" "$T/shared"
rm "$T/out/npctl"
if grep -qs eu_search_tree "$(cc -print-file-name=libelf.a)"; then
	like "Debian 13's libelf.a is not whole, which is said" "$("${make[@]}" STATIC=1 2>&1)" \
		'mend: build STATIC=1 on Debian 12'
	skip "its libelf.a is not whole" 9
else
	ok "it builds without libraries" "${make[@]}" STATIC=1
	like "it needs none" "$(ldd "$T/out/npctl" 2>&1)" 'not a dynamic executable'
	is "it judges as the other does" "$("$T/out/npctl" test matrix -f "$source/examples")" \
		"$(npctl test matrix -f "$source/examples")"
	ok "it builds the lab" "$T/out/npctl" topo up
	ok "it loads" "$T/out/npctl" load
	ok "it enforces" "$T/out/npctl" attach pod backend
	ok "it is in order" "$T/out/npctl" test
	ok "the lab goes" "$T/out/npctl" topo down
	fails_with "it has no TLS" 1 'linked statically' "$T/out/npctl" agent --kubeconfig /dev/null
	ok "it takes all down" "$T/out/npctl" load --unload
fi
mv "$T/shared" "$T/out/npctl"

# The package, installed into a directory of its own.
command -v dpkg-shlibdeps >/dev/null || { skip "no dpkg-dev" 14 && plan_done; }
"${make[@]}" deb >/dev/null && old=$(echo "$T"/out/*.deb)
like "the package is there" "$old" "/npctl_[^_]*_$(dpkg --print-architecture)\.deb$"
cp "$old" "$T/first.deb"
"${make[@]}" deb >/dev/null
ok "the package, again, is the same" cmp "$old" "$T/first.deb"
like "it says what it needs" "$(dpkg-deb -f "$old" Depends)" '^libc6 '
if command -v lintian >/dev/null; then
	is "lintian has no error and no warning" "$(lintian --no-cfg "$old" 2>&1 | grep -E '^[EW]:' || true)" ""
else
	skip "no lintian"
fi
echo "$version-later" >"$T/some/where/VERSION"
new=$("${make[@]}" deb | tail -n 1)
ok "a later one has a later version" dpkg --compare-versions \
	"$(dpkg-deb -f "$new" Version)" gt "$(dpkg-deb -f "$old" Version)"

mkdir -p "$T/root/var/lib/dpkg"/{info,updates,triggers} "$T/root/tmp"
touch "$T/root/var/lib/dpkg"/{status,available}
apt() {
	dpkg --root="$T/root" --force-script-chrootless --force-depends --log="$T/log" "$@"
}
ok "it installs" apt -i "$old"
mkdir -p "$T/root/etc/npctl/presets"
touch "$T/root/etc/npctl/presets/mine.yml"
ok "it upgrades in place" apt -i "$new"
is "that is the later one" "$("$T/root/usr/sbin/npctl" -j version | jq -r .version)" "$version-later"
like "it finds its presets" "$("$T/root/usr/sbin/npctl" policy preset)" frontend
ok "it has its manual" test -s "$T/root/usr/share/man/man8/npctl-policy.8.gz"
ok "it has its unit" test -s "$T/root/usr/lib/systemd/system/npctl.service"
ok "it removes" apt -r npctl
ok "one's own presets stay" test -e "$T/root/etc/npctl/presets/mine.yml"
ok "it purges" apt -P npctl
is "nothing is left" "$(cd "$T/root" && find . -path ./var/lib/dpkg -prune -o ! -type d -print)" ""
is "no directory either" "$(cd "$T/root" && find . -name '*npctl*')" ""
plan_done
