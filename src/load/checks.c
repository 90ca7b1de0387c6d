// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "load/checks.h"
#include "store/instance.h"
#include "datapath/objects.h"
#include "kernel/features.h"
#include "kernel/privileges.h"
#include "kernel/verifier_log.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <libgen.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PART "environment"
#define CAP_BIT(capability) (1ull << (capability))

json_t *check_add(json_t *rows, const char *part, const char *name, enum mark mark,
		  const char *format, ...)
{
	static const char *const words[] = {"PASS", "FAIL", "WARN", "SKIP"};
	va_list arguments;
	json_t *row;

	va_start(arguments, format);
	row = json_pack("{s:s, s:s, s:s, s:o}", "part", part, "check", name, "result", words[mark],
			"detail", json_vsprintf(format, arguments));
	va_end(arguments);
	json_array_append_new(rows, row);
	return row;
}

void check_mend(json_t *row, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	json_object_set_new(row, "mend", json_vsprintf(format, arguments));
	va_end(arguments);
}

size_t check_count(const json_t *rows, enum mark mark)
{
	static const char *const words[] = {"PASS", "FAIL", "WARN", "SKIP"};
	size_t count = 0, i;
	json_t *row;

	json_array_foreach (rows, i, row)
		if (!strcmp(json_string_value(json_object_get(row, "result")), words[mark]))
			count++;
	return count;
}

static unsigned long long effective_capabilities(void)
{
	unsigned long long capabilities = 0;
	FILE *status = fopen("/proc/self/status", "re");
	char line[128];

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "CapEff: %llx", &capabilities) == 1)
			break;
	if (status)
		fclose(status);
	return capabilities;
}

static void check_privileges(json_t *rows)
{
	unsigned long long have = effective_capabilities();
	bool admin = have & CAP_BIT(CAP_SYS_ADMIN);
	bool bpf = admin || ((have & CAP_BIT(CAP_BPF)) && (have & CAP_BIT(CAP_PERFMON)));
	bool net = have & CAP_BIT(CAP_NET_ADMIN);
	json_t *row;

	if (privileges_are_borrowed()) {
		row = check_add(rows, PART, "privileges", MARK_FAIL,
				"those of a user namespace, which do not count");
		check_mend(row, "sudo npctl test env, outside of it");
		return;
	}
	if (bpf && net) {
		check_add(rows, PART, "privileges", MARK_PASS, "%s%s",
			  geteuid() == 0 ? "root" : "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
			  admin ? "" : "; without CAP_SYS_ADMIN no namespaces (topo)");
		return;
	}
	row = check_add(rows, PART, "privileges", MARK_FAIL, "missing: %s%s%s",
			bpf ? "" : "CAP_BPF and CAP_PERFMON", !bpf && !net ? ", " : "",
			net ? "" : "CAP_NET_ADMIN");
	check_mend(row, "sudo npctl test env");
}

static void check_kernel(json_t *rows)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;
	bool enough;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	enough = major > 5 || (major == 5 && minor >= 15);
	check_add(rows, PART, "kernel", enough ? MARK_PASS : MARK_FAIL, "%s %s %s%s", name.sysname,
		  name.release, name.machine, enough ? "" : "; 5.15 is the oldest that will do");
}

static void check_btf(json_t *rows)
{
	bool present = !access("/sys/kernel/btf/vmlinux", R_OK);

	check_add(rows, PART, "BTF", present ? MARK_PASS : MARK_WARN, "%s",
		  present ? "/sys/kernel/btf/vmlinux"
			  : "/sys/kernel/btf/vmlinux is missing; needed for kernel stacks");
}

static void check_bpffs(const char *root, json_t *rows)
{
	char *copy = xstrdup(root), *parent = dirname(copy);
	bool is_default = !strcmp(root, DEFAULT_ROOT);
	struct statfs info;
	json_t *row;

	if (!statfs(parent, &info) && info.f_type == BPF_FS_MAGIC && info.f_flags & ST_RDONLY) {
		row = check_add(rows, PART, "bpffs", MARK_FAIL, "%s is read-only", parent);
		check_mend(row, "mount -o remount,rw %s", parent);
	} else if (!statfs(parent, &info) && info.f_type == BPF_FS_MAGIC) {
		check_add(rows, PART, "bpffs", MARK_PASS, "%s", parent);
	} else {
		row = check_add(rows, PART, "bpffs", is_default ? MARK_WARN : MARK_FAIL,
				"not mounted at %s%s", parent,
				is_default ? "; npctl load and topo up will do it" : "");
		check_mend(row, "mount -t bpf -o mode=700 bpf %s", parent);
	}
	free(copy);
}

static void check_jit(json_t *rows)
{
	const char *path = "/proc/sys/net/core/bpf_jit_enable";
	FILE *file = fopen(path, "re");
	int enabled = -1;
	json_t *row;

	if (file && fscanf(file, "%d", &enabled) != 1)
		enabled = -1;
	if (file)
		fclose(file);
	if (enabled < 0) /* only the first network namespace has the file */
		enabled = try_jit();
	if (enabled < 0) {
		check_add(rows, PART, "JIT", MARK_WARN, "cannot be told");
		return;
	}
	if (enabled) {
		check_add(rows, PART, "JIT", MARK_PASS, "on");
		return;
	}
	row = check_add(rows, PART, "JIT", MARK_WARN, "off: programs run several times slower");
	check_mend(row, "sysctl net.core.bpf_jit_enable=1");
}

static void check_cgroup(json_t *rows)
{
	FILE *mounts = fopen("/proc/self/mounts", "re");
	char line[4096], path[1024], type[64];
	json_t *row;
	bool found = false;

	while (mounts && !found && fgets(line, sizeof(line), mounts))
		found =
		    sscanf(line, "%*s %1023s %63s", path, type) == 2 && !strcmp(type, "cgroup2");
	if (mounts)
		fclose(mounts);
	if (found) {
		check_add(rows, PART, "cgroup v2", MARK_PASS, "%s", path);
		return;
	}
	row = check_add(rows, PART, "cgroup v2", MARK_WARN,
			"not mounted; needed to attach to containers");
	check_mend(row, "mount -t cgroup2 none /sys/fs/cgroup");
}

/* What the error of a trial means for one who needs what was tried. */
static void check_tried(json_t *rows, const char *name, int error, bool needed, const char *use)
{
	if (!error)
		check_add(rows, PART, name, MARK_PASS, "works");
	else
		check_add(rows, PART, name, needed ? MARK_FAIL : MARK_WARN, "%s; needed %s",
			  strerror(-error), use);
}

static void check_maps(json_t *rows)
{
	static const struct {
		const char *name;
		enum bpf_map_type type;
		uint32_t flags;
		bool needed;
	} types[] = {
	    {"map array", BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, true},
	    {"map hash", BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, true},
	    {"map lru_hash", BPF_MAP_TYPE_LRU_HASH, 0, true},
	    {"map percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, 0, true},
	    {"map array_of_maps", BPF_MAP_TYPE_ARRAY_OF_MAPS, 0, true},
	    {"map ringbuf", BPF_MAP_TYPE_RINGBUF, 0, true},
	    {"map lpm_trie", BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, false},
	    {"map stack_trace", BPF_MAP_TYPE_STACK_TRACE, 0, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		check_tried(rows, types[i].name, try_map(types[i].type, types[i].flags),
			    types[i].needed, types[i].needed ? "always" : "by test bench or trace");
}

static bool is_loaded(const char *root)
{
	char *pin = xprintf("%s/progs/pod_ingress", root);
	bool loaded = !access(pin, F_OK);

	free(pin);
	return loaded;
}

/* The very programs, by this kernel's verifier; what is loaded already, it took. */
static void check_own(const char *root, json_t *rows, const char *name, enum part part, bool needed,
		      const char *use)
{
	int error = is_loaded(root) ? 0 : objects_try(part);

	if (!error)
		check_add(rows, PART, name, MARK_PASS, "the kernel takes them");
	else
		check_add(rows, PART, name, needed ? MARK_FAIL : MARK_WARN, "%s%s%s; needed %s",
			  strerror(-error), *verifier_reason() ? ": " : "", verifier_reason(), use);
}

static void check_programs(const char *root, json_t *rows)
{
	bool cgroups = !try_program(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT);

	check_own(root, rows, "programs for pods", PART_POD, true, "always");
	check_own(root, rows, "programs for users", PART_USER, true, "always");
	check_own(root, rows, "programs for cgroups", PART_CONTAINER, cgroups,
		  "to attach to containers");
	check_tried(rows, "program raw_tracepoint", try_program(BPF_PROG_TYPE_RAW_TRACEPOINT, 0),
		    false, "by trace --stack");
	check_tried(rows, "test run", try_test_run(), false, "by test bench");
	check_tried(rows, "run statistics", try_statistics(), false, "by stat programs");
}

static void check_memory(json_t *rows)
{
	int error = try_memory();
	json_t *row;

	if (try_map(BPF_MAP_TYPE_ARRAY, 0))
		return; /* not for want of memory */
	if (!error) {
		check_add(rows, PART, "memory lock", MARK_PASS, "maps of 16 MiB can be made");
		return;
	}
	row = check_add(rows, PART, "memory lock", MARK_FAIL, "no map of 16 MiB: %s",
			strerror(-error));
	check_mend(row, "ulimit -l unlimited");
}

/* Either way of attaching will do. */
static void check_hook(json_t *rows, const char *name, int error, const char *other)
{
	if (error && other)
		check_add(rows, PART, name, MARK_PASS, "not there, and not needed: %s works",
			  other);
	else
		check_tried(rows, name, error, true, "to attach");
}

static void check_network(json_t *rows)
{
	struct try_network network;

	try_network(&network);
	check_tried(rows, "network namespaces", network.namespaces, false, "by topo");
	if (network.namespaces) {
		check_add(rows, PART, "tcx, clsact", MARK_WARN,
			  "not tried: that takes a network namespace of its own");
		return;
	}
	check_tried(rows, "veth", network.veth, false, "by topo");
	check_tried(rows, "bridge", network.bridge, false, "by topo");
	check_hook(rows, "tcx", network.tcx, network.clsact ? NULL : "clsact");
	check_hook(rows, "clsact", network.clsact, network.tcx ? NULL : "tcx");
}

static bool in_path(const char *name)
{
	char *path = xstrdup(getenv("PATH") ? getenv("PATH") : ""), *save = NULL;
	bool found = false;

	for (char *at = strtok_r(path, ":", &save); at && !found; at = strtok_r(NULL, ":", &save)) {
		char *file = xprintf("%s/%s", at, name);

		found = !access(file, X_OK);
		free(file);
	}
	free(path);
	return found;
}

static void check_tools(json_t *rows)
{
	static const char *const tools[] = {"ip", "tc", "bpftool"};
	char missing[64] = "";

	for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
		if (!in_path(tools[i]))
			sprintf(missing + strlen(missing), "%s%s", *missing ? ", " : "", tools[i]);
	if (*missing)
		check_add(rows, PART, "tools", MARK_WARN,
			  "no %s; only needed to try what npctl -x prints", missing);
	else
		check_add(rows, PART, "tools", MARK_PASS, "ip, tc, bpftool");
}

void checks_machine(const char *root, json_t *rows)
{
	check_privileges(rows);
	check_kernel(rows);
	check_bpffs(root, rows);
	check_btf(rows);
	check_jit(rows);
	check_cgroup(rows);
	check_memory(rows);
	check_maps(rows);
	check_programs(root, rows);
	check_network(rows);
	check_tools(rows);
}
