# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   make            build/npctl             make demo   the lab, end to end (root)
#   make install    DESTDIR, PREFIX         make check  all tests, or T="policy cli" (root)
#   make check-vm   those that depend on the kernel, under other kernels
#   make bench      what changes, packets and traffic cost, beside the peers (root)
#   make bench-agent  what the agent costs in a large cluster (root)
#   make deps       installs what is missing  make deb    a Debian package
#   make dist       a tree without git        STATIC=1    one file without libraries
#
# O=DIR builds elsewhere, V=1 shows the commands, READLINE=0 does without readline.
src := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
O ?= $(src)/build$(if $(STATIC),-static)
override O := $(abspath $(O))
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
LDFLAGS ?= -Wl,-z,relro,-z,now
CLANG ?= clang
READLINE ?= 1
# Ubuntu's /usr/sbin/bpftool is a script that may find nothing to run.
BPFTOOL ?= $(firstword $(shell for tool in bpftool /usr/sbin/bpftool /usr/lib/linux-tools/*/bpftool; do \
	$$tool version >/dev/null 2>&1 && echo $$tool; done; true))
Q := $(if $(V),,@)
, := ,
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# A tag, else 0.1 and the number of commits, so that later is more; `make dist` writes it down.
git := git -C $(src) -c safe.directory='*'
version := $(shell cat $(src)/VERSION 2>/dev/null || $(git) describe --tags 2>/dev/null || { printf 0.1; \
	$(git) log -1 --format=.$$($(git) rev-list --count HEAD 2>/dev/null)-g%h 2>/dev/null; })
export SOURCE_DATE_EPOCH ?= $(shell $(git) log -1 --format=%ct 2>/dev/null || stat -c %Y $(src)/Makefile)
packages := libbpf libelf zlib libnl-3.0 libnl-route-3.0 libnftables yaml-0.1 jansson ncursesw \
	libcurl $(if $(filter 1,$(READLINE)),readline)
# libcurl and libnftables are opened by the few who use them. The others are part of the binary
# where there are archives of them: to find and link them takes longer than most commands.
terminal := ncursesw $(if $(filter 1,$(READLINE)),readline)
linked := $(filter-out libcurl libnftables $(terminal),$(packages)) $(terminal)
needed = $(patsubst -l%,%,$(filter -l%,$(shell pkg-config --static --libs $(linked))))
archive = $(filter /%,$(shell $(CC) -print-file-name=lib$(1).a))
# Debian 13's libelf.a calls functions of a library that has no archive.
incomplete = $(if $(shell grep -ls eu_search_tree $(call archive,elf)),elf)
archived = $(foreach name,$(filter-out pthread m dl rt $(incomplete),$(needed)),$(if \
	$(call archive,$(name)),$(name)))
bundled = -Wl$(,)-z$(,)muldefs -Wl$(,)-Bstatic $(archived:%=-l%) -Wl$(,)-Bdynamic \
	$(patsubst %,-l%,$(filter-out $(archived),$(needed)))
ready := $(shell pkg-config --exists $(packages) 2>/dev/null && [ -n "$(BPFTOOL)" ] && echo yes)
warnings := -Wall -Wextra -Werror
npctl_cflags := -std=gnu11 $(warnings) -D_GNU_SOURCE -I$(src)/src -I$(src)/bpf -I$(O)/bpf -I$(O) \
	-ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(src)=. -ffile-prefix-map=$(O)=./build \
	$(if $(ready),$(shell pkg-config --cflags $(packages)))
libraries := $(if $(ready),$(if $(STATIC),$(shell pkg-config --static --libs $(linked)),$(bundled)) \
	-lresolv -lpthread)

# Debian has no static libraries for TLS as libcurl wants it, and for nftables: src/static/
# says so in the place of what speaks to an API server and masquerades.
shared := $(addprefix $(src)/src/,agent/cluster.c agent/follow.c agent/request.c agent/libcurl.c base/library.c \
	net/masquerade.c)
# libreadline.a brings an xrealloc of its own.
static := -static -Wl,-z,muldefs
sources := $(wildcard $(addprefix $(src)/src/,*.c */*.c */*/*.c))
sources := $(filter-out $(if $(STATIC),$(shared),$(src)/src/static/%),$(sources))
objects := $(patsubst $(src)/%.c,$(O)/%.o,$(sources))
# What bpf/lib/flow_table.h may take for granted of the processor.
arch := $(shell uname -m | sed 's/x86_64/x86/')
programs := $(patsubst $(src)/bpf/%.bpf.c,%,$(wildcard $(src)/bpf/*.bpf.c))
skeletons := $(programs:%=$(O)/bpf/%.skel.h)
units := $(patsubst $(src)/%.c,$(O)/%,$(wildcard $(src)/tests/unit/*.c))
completions := $(addprefix $(src)/bash-completion/,npctl.bash _npctl npctl.fish)
pages := $(wildcard $(src)/man/*.[58])
presets := $(wildcard $(src)/presets/*.yml)

all: $(if $(ready),$(if $(and $(STATIC),$(incomplete)),not-static,$(O)/npctl),not-ready)

not-ready:
	@echo "make: tools or libraries are missing (mend: sudo make deps)" >&2; exit 1

not-static:
	@echo "make: this libelf.a calls what no archive has (mend: build STATIC=1 on Debian 12)" >&2; exit 1

$(O)/npctl: $(objects)
	@echo "  LD  npctl"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(STATIC),$(static)) -o $@ $^ $(libraries)

# Written anew only when it says something else, so that a commit compiles one file.
$(O)/git-version.h: said = NPCTL_VERSION "$(version)"
$(O)/with-readline.h: said = NPCTL_READLINE $(if $(filter 1,$(READLINE)),1,0)
$(O)/git-version.h $(O)/with-readline.h: always
	@mkdir -p $(@D)
	@echo '#define $(said)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# The scripts for shells, as strings.
$(O)/completion.h: $(completions)
	@mkdir -p $(@D)
	$(Q)for shell in bash:npctl.bash zsh:_npctl fish:npctl.fish; do \
		echo "static const char completion_$${shell%:*}[] ="; \
		sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $(src)/bash-completion/$${shell#*:}; echo ';'; \
	done >$@

$(O)/src/base/version.o: $(O)/git-version.h
$(O)/src/cmd/completion.o: $(O)/completion.h
$(O)/src/shell/edit_plain.o $(O)/src/shell/edit_readline.o $(O)/src/shell/edit_complete.o: \
	$(O)/with-readline.h

# A tree that was built may be copied: what a file depends on is found where the tree is.
define relocatable
@sed -i 's,$(O)/,$$(O)/,g; s,$(src)/,$$(src)/,g' $(@:.o=.d)
endef

# Skeletons first: which file includes which is known only after a compile.
$(O)/%.o: $(src)/%.c $(src)/Makefile | $(skeletons)
	@mkdir -p $(@D)
	@echo "  CC  $*.c"
	$(Q)$(CC) $(CFLAGS) $(npctl_cflags) -MMD -MP -c -o $@ $<
	$(relocatable)

# Linked by bpftool, which leaves out the debug sections that nobody reads.
$(O)/bpf/%.bpf.o: $(src)/bpf/%.bpf.c $(src)/Makefile
	@mkdir -p $(@D)
	@echo "  BPF bpf/$*.bpf.c"
	$(Q)$(CLANG) -O2 -g -mcpu=v3 -target bpf -D__TARGET_ARCH_$(arch) $(warnings) -I$(src)/bpf \
		-idirafter /usr/include/$(shell uname -m)-linux-gnu -ffile-prefix-map=$(src)/= -fdebug-compilation-dir=. \
		-MMD -MP -MT $@ -MF $(@:.o=.d) -c -o $@.full $<
	$(Q)$(BPFTOOL) gen object $@ $@.full
	$(relocatable)

$(O)/bpf/%.skel.h: $(O)/bpf/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@

# A unit test is linked with everything but main().
$(units): $(O)/tests/unit/%: $(O)/tests/unit/%.o $(filter-out $(O)/src/main.o,$(objects))
	@echo "  LD  tests/unit/$*"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(libraries) -lcmocka

units: $(if $(ready),$(units),not-ready)

-include $(objects:.o=.d) $(units:=.d) $(programs:%=$(O)/bpf/%.bpf.d)

deps:
	@$(src)/.ci/deps

check-deps:
	@$(src)/.ci/deps check

# What pkg-config finds is known only to a make that starts after deps.
# It uses all processors unless told otherwise.
demo: deps
check check-vm: check-deps
demo check check-vm:
	@$(MAKE) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) --no-print-directory $@-ready

demo-ready: all
	@NPCTL=$(O)/npctl $(src)/examples/demo

sanitizers := -fsanitize=address,undefined -fno-sanitize-recover=undefined
sanitize:
	@$(MAKE) --no-print-directory O=$(O)/sanitize CFLAGS="-O1 -g -fno-omit-frame-pointer $(sanitizers)" \
		all units

check-ready: all units $(if $(T),,sanitize)
	@O=$(O) $(src)/tests/run $(T)

# The kernel's part of it under other kernels, in virtual machines: half an hour.
check-vm-ready: all units
	@for need in qemu-system-x86_64:qemu-system-x86 depmod:kmod cpio:cpio \
			/lib/systemd/systemd:systemd /lib/systemd/systemd-udevd:udev; do \
		command -v $${need%:*} >/dev/null || [ -x /sbin/$${need%:*} ] || \
		apt-get install -q -y --no-install-recommends $${need#*:} >/dev/null; done
	@O=$(O) $(src)/tests/vm/run $(KERNELS)

# Sends real packets, and counts the processor time that they take.
$(O)/bench/load: $(src)/tests/bench/load.c
	@mkdir -p $(@D)
	@echo "  CC  tests/bench/load.c"
	$(Q)$(CC) $(CFLAGS) $(warnings) -o $@ $<

# What changes, packets and traffic cost, beside the peers: a quarter of an hour.
bench: all $(O)/bench/load
	@NPCTL=$(O)/npctl $(src)/tests/room $(src)/tests/bench/run $(O)/bench $(RULES)

# What the agent costs in a cluster of 150 000 pods: some minutes, and 6 GB for the API server.
bench-agent: all
	@NPCTL=$(O)/npctl $(src)/tests/bench/agent

# For as many seconds as one likes, twice: the reader of manifests, the compiler.
fuzz: all
	@O=$(O) $(src)/tests/fuzz/run $(TIME)

prefix := $(DESTDIR)$(PREFIX)
# What a package of Debian's brings stands apart from what an administrator installs.
zsh := $(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
install: all
	install -D -m 755 $(O)/npctl $(prefix)/sbin/npctl
	install -D -m 644 -t $(prefix)/share/man/man5 $(filter %.5,$(pages))
	install -D -m 644 -t $(prefix)/share/man/man8 $(filter %.8,$(pages))
	install -D -m 644 -t $(prefix)/lib/systemd/system $(wildcard $(src)/packaging/*.service)
	install -D -m 644 -t $(prefix)/lib/udev/rules.d $(src)/packaging/60-npctl.rules
	install -D -m 644 $(src)/bash-completion/npctl.bash $(prefix)/share/bash-completion/completions/npctl
	install -D -m 644 -t $(prefix)/share/zsh/$(zsh) $(src)/bash-completion/_npctl
	install -D -m 644 -t $(prefix)/share/fish/vendor_completions.d $(src)/bash-completion/npctl.fish
	install -D -m 644 -t $(prefix)/share/npctl/presets $(presets)
	install -D -m 644 -t $(prefix)/share/doc/npctl $(src)/README.md $(src)/LICENSE* $(wildcard $(src)/docs/*.md)
	install -D -m 644 -t $(prefix)/share/doc/npctl/examples $(filter-out %/demo %/cni,$(wildcard $(src)/examples/*))
	install -m 755 -t $(prefix)/share/doc/npctl/examples $(addprefix $(src)/examples/,demo cni)

# A tree that builds without git.
dist:
	@mkdir -p $(O)
	@$(git) archive --prefix=npctl-$(version)/ --format=tar \
		--add-virtual-file=npctl-$(version)/VERSION:$(version) HEAD | gzip -9n >$(O)/npctl-$(version).tar.gz
	@echo $(O)/npctl-$(version).tar.gz

# A Debian package of this machine's kind.
deb: all
	@rm -rf $(O)/deb
	@$(MAKE) --no-print-directory DESTDIR=$(O)/deb PREFIX=/usr install >/dev/null
	@strip --strip-unneeded -R .comment $(O)/deb/usr/sbin/npctl
	@$(src)/packaging/deb $(O)/deb $(version) $(O)

# Installs, upgrades and purges it in a bare Debian; takes a few minutes.
check-deb: deb
	@O=$(O) $(src)/packaging/check-deb

uninstall:
	rm -f $(prefix)/sbin/npctl $(prefix)/share/bash-completion/completions/npctl
	rm -f $(prefix)/share/zsh/$(zsh)/_npctl
	rm -f $(prefix)/share/fish/vendor_completions.d/npctl.fish
	rm -f $(foreach page,$(notdir $(pages)),$(prefix)/share/man/man$(subst .,,$(suffix $(page)))/$(page))
	rm -f $(addprefix $(prefix)/lib/systemd/system/,$(notdir $(wildcard $(src)/packaging/*.service)))
	rm -f $(prefix)/lib/udev/rules.d/60-npctl.rules
	rm -f $(patsubst $(src)/presets/%,$(prefix)/share/npctl/presets/%,$(presets))
	rm -rf $(prefix)/share/doc/npctl

clean:
	rm -rf $(O)

.PHONY: all not-ready not-static units deps check-deps demo check demo-ready check-ready check-vm check-vm-ready sanitize bench bench-agent fuzz install uninstall dist deb check-deb clean always
