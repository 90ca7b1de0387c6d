# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make O=DIR builds elsewhere; V=1 shows the commands.
src := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
O ?= $(src)/build
PREFIX ?= /usr/local
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/lib/linux-tools/*/bpftool) bpftool)
CFLAGS ?= -O2 -g
Q := $(if $(V),,@)
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

version := $(shell git -C $(src) describe --tags --always --dirty 2>/dev/null || echo 0.1)
packages := libbpf libelf zlib libnl-3.0 libnl-route-3.0 yaml-0.1 jansson
warnings := -Wall -Wextra -Werror
npctl_cflags := -std=gnu11 $(warnings) -D_GNU_SOURCE -I$(src)/src -I$(src)/bpf -I$(O)/bpf -I$(O) \
	$(shell pkg-config --cflags $(packages))
libraries := $(shell pkg-config --libs $(packages)) -lpthread

sources := $(wildcard $(src)/src/*.c $(src)/src/*/*.c)
objects := $(patsubst $(src)/src/%.c,$(O)/src/%.o,$(sources))
programs := $(patsubst $(src)/bpf/%.bpf.c,%,$(wildcard $(src)/bpf/*.bpf.c))
skeletons := $(programs:%=$(O)/bpf/%.skel.h)

all: $(O)/npctl

$(O)/npctl: $(objects)
	@echo "  LD  npctl"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(libraries)

# Written anew only when it says something else, so that a commit compiles one file.
$(O)/git-version.h: always
	@mkdir -p $(@D)
	@echo '#define NPCTL_VERSION "$(version)"' | cmp -s - $@ || echo '#define NPCTL_VERSION "$(version)"' >$@

$(O)/src/version.o: $(O)/git-version.h

# Skeletons first: which file includes which is known only after a compile.
$(O)/src/%.o: $(src)/src/%.c Makefile | $(skeletons)
	@mkdir -p $(@D)
	@echo "  CC  src/$*.c"
	$(Q)$(CC) $(CFLAGS) $(npctl_cflags) -MMD -MP -c -o $@ $<

$(O)/bpf/%.bpf.o: $(src)/bpf/%.bpf.c Makefile
	@mkdir -p $(@D)
	@echo "  BPF bpf/$*.bpf.c"
	$(Q)$(CLANG) -O2 -g -mcpu=v3 -target bpf -Wall -Wextra -Werror -I$(src)/bpf \
		-idirafter /usr/include/$(shell uname -m)-linux-gnu -MMD -MP -c -o $@ $<

$(O)/bpf/%.skel.h: $(O)/bpf/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@

-include $(shell find $(O) -name '*.d' 2>/dev/null)

clean:
	rm -rf $(O)
.PHONY: all clean always
