// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Instances and their documents, on a BPF file system, with crashes at the worst points. */
#include "unit.h"
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/instance.h"
#include "store/documents.h"

static char root[64];

static struct instance *open_as(enum access access)
{
	struct instance *instance;

	if (instance_open(&instance, root, access)) {
		print_error("%s\n", failure());
		assert_true(false);
	}
	return instance;
}

static void flip(struct instance *instance)
{
	instance->settings->version++;
}

static void commit(struct instance *instance)
{
	assert_int_equal(documents_stage(instance), 0);
	flip(instance);
	documents_clean(instance);
}

static size_t parts(const struct instance *instance)
{
	struct document_key key;
	size_t count = 0;
	int end;

	for (end = bpf_map_get_next_key(instance->documents, NULL, &key); !end;
	     end = bpf_map_get_next_key(instance->documents, &key, &key))
		count++;
	return count;
}

static void assert_text(struct instance *instance, const char *name, const char *wanted)
{
	json_t *value = document_get(instance, name);

	if (wanted)
		assert_string_equal(json_string_value(value), wanted);
	else
		assert_null(value);
	json_decref(value);
}

static int begin(void **state)
{
	(void)state;
	strcpy(root, "/sys/fs/bpf/unit-XXXXXX");
	for (int i = 0; i < 6; i++)
		root[strlen(root) - 6 + i] = 'a' + (getpid() >> (4 * i) & 15);
	return 0;
}

static int end(void **state)
{
	struct instance *instance = open_as(ACCESS_CREATE);
	static const char *const names[] = {"a", "b", "c", "large"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		document_put(instance, names[i], NULL);
	commit(instance);
	assert_int_equal(parts(instance), 1);
	instance_remove_if_empty(instance);
	instance_close(instance);
	assert_int_not_equal(access(root, F_OK), 0);
	return 0;
}

static void absent_instances(void **state)
{
	struct instance *instance;

	(void)state;
	assert_int_equal(instance_open(&instance, root, ACCESS_READ), FAILED);
	assert_non_null(strstr(failure(), "no npctl instance"));
	assert_int_equal(instance_open(&instance, root, ACCESS_WRITE), FAILED);
	assert_int_equal(instance_open(&instance, root, ACCESS_TRY), 0);
	assert_null(instance);
	assert_int_equal(instance_open(&instance, "/tmp", ACCESS_READ), FAILED);
	assert_non_null(strstr(failure(), "not on a BPF file system"));
	assert_int_equal(instance_open(&instance, "/tmp/no/such", ACCESS_CREATE), FAILED);
	failure_clear();
}

static void changes_are_seen_and_kept(void **state)
{
	struct instance *instance = open_as(ACCESS_CREATE);
	size_t before;

	(void)state;
	document_put(instance, "b", json_string("two"));
	document_put(instance, "a", json_string("one"));
	assert_text(instance, "a", "one");
	commit(instance);
	before = parts(instance);
	document_put(instance, "a", json_string("other"));
	document_put(instance, "a", json_string("one"));
	document_put(instance, "never", NULL);
	commit(instance);
	assert_int_equal(parts(instance), before);
	instance_close(instance);

	instance = open_as(ACCESS_READ);
	assert_text(instance, "a", "one");
	assert_text(instance, "b", "two");
	assert_text(instance, "c", NULL);
	assert_int_equal(document_count(instance), 2);
	instance_close(instance);
}

static int note_name(const char *name, void *data)
{
	strcat(data, name);
	strcat(data, " ");
	return !strcmp(name, "b");
}

static void names_come_sorted(void **state)
{
	struct instance *instance = open_as(ACCESS_CREATE);
	char names[64] = "";

	(void)state;
	document_put(instance, "c", json_integer(3));
	document_put(instance, "b", json_integer(2));
	document_put(instance, "a", json_integer(1));
	assert_int_equal(document_each(instance, note_name, names), 1);
	assert_string_equal(names, "a b ");
	instance_close(instance);
}

static void bytes_of_many_parts(void **state)
{
	size_t size = 300000, got;
	unsigned char *data = xalloc(size), *back;
	struct instance *instance = open_as(ACCESS_CREATE);

	(void)state;
	for (size_t i = 0; i < size; i++)
		data[i] = rand();
	document_put_bytes(instance, "large", data, size);
	commit(instance);
	instance_close(instance);
	instance = open_as(ACCESS_READ);
	back = document_get_bytes(instance, "large", &got);
	assert_int_equal(got, size);
	assert_memory_equal(back, data, size);
	instance_close(instance);
	free(back);
	free(data);
}

/* A writer that ends before the flip has changed nothing, after it everything. */
static void a_crash_leaves_old_or_new(void **state)
{
	struct instance *instance = open_as(ACCESS_CREATE);
	size_t before;

	(void)state;
	document_put(instance, "a", json_string("old"));
	commit(instance);
	before = parts(instance);
	document_put(instance, "a", json_string("new"));
	document_put(instance, "b", json_string("new"));
	assert_int_equal(documents_stage(instance), 0);
	instance_close(instance);

	instance = open_as(ACCESS_WRITE);
	assert_text(instance, "a", "old");
	assert_text(instance, "b", NULL);
	documents_clean(instance);
	assert_int_equal(parts(instance), before);

	document_put(instance, "a", json_string("new"));
	assert_int_equal(documents_stage(instance), 0);
	flip(instance);
	instance_close(instance);

	instance = open_as(ACCESS_WRITE);
	assert_text(instance, "a", "new");
	documents_clean(instance);
	assert_int_equal(parts(instance), before);
	instance_close(instance);
}

/* Parts that no directory names, until there is room for no more than three. */
static void fill(const struct instance *instance)
{
	struct document_key key = {.id = 1000};
	static struct document_part part;
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	size_t left = parts(instance) + 3;

	assert_int_equal(bpf_obj_get_info_by_fd(instance->documents, &info, &size), 0);
	for (; left < info.max_entries; left++, key.part++)
		assert_int_equal(bpf_map_update_elem(instance->documents, &key, &part, 0), 0);
}

static void a_full_map_changes_nothing(void **state)
{
	struct instance *instance = open_as(ACCESS_CREATE);
	unsigned char data[3 * DOCUMENT_PART];
	size_t before;

	(void)state;
	document_put(instance, "a", json_string("old"));
	commit(instance);
	fill(instance);
	before = parts(instance);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = rand();
	document_put(instance, "a", json_string("new"));
	document_put_bytes(instance, "large", data, sizeof(data));
	assert_int_equal(documents_stage(instance), FAILED);
	assert_non_null(strstr(failure(), "full"));
	assert_int_equal(parts(instance), before);
	instance_close(instance);
	failure_clear();

	instance = open_as(ACCESS_WRITE);
	assert_text(instance, "a", "old");
	documents_clean(instance);
	assert_int_equal(parts(instance), 2);
	instance_close(instance);
}

static void another_format_is_refused(void **state)
{
	struct instance *instance = open_as(ACCESS_CREATE), *other;

	(void)state;
	instance->settings->abi = NPCTL_ABI + 1;
	instance_unlock(instance);
	assert_int_equal(instance_open(&other, root, ACCESS_READ), FAILED);
	assert_non_null(strstr(failure(), "another version"));
	assert_non_null(strstr(failure_mend(), "load --unload"));
	assert_int_equal(instance_open(&other, root, ACCESS_REMOVE), 0);
	assert_null(other->settings);
	instance_close(other);
	instance->settings->abi = NPCTL_ABI;
	instance_close(instance);
	failure_clear();
}

/* Who reads while a writer is at work sees what was in force when it began. */
static void readers_do_not_wait(void **state)
{
	struct instance *writer = open_as(ACCESS_CREATE), *reader;

	(void)state;
	document_put(writer, "a", json_string("old"));
	document_put(writer, "b", json_string("old"));
	commit(writer);
	document_put(writer, "a", json_string("new"));
	document_put(writer, "b", NULL);
	assert_int_equal(documents_stage(writer), 0);
	reader = open_as(ACCESS_READ);
	assert_false(reader->locked);
	flip(writer);
	documents_clean(writer);
	assert_text(reader, "a", "old");
	assert_text(reader, "b", "old");
	instance_close(reader);
	reader = open_as(ACCESS_READ);
	assert_text(reader, "a", "new");
	assert_text(reader, "b", NULL);
	instance_close(reader);
	instance_close(writer);
}

/* Readers share, a writer waits for them. */
static void writers_wait(void **state)
{
	struct instance *instance = open_as(ACCESS_CREATE), *reader;
	pid_t writer;
	int status;

	(void)state;
	instance_close(instance);
	instance = open_as(ACCESS_READ);
	reader = open_as(ACCESS_READ);
	instance_close(reader);
	writer = fork();
	if (!writer) {
		quiet = true;
		instance_close(instance);
		_exit(instance_open(&instance, root, ACCESS_WRITE) ? 1 : 0);
	}
	usleep(100000);
	assert_int_equal(waitpid(writer, &status, WNOHANG), 0);
	instance_unlock(instance);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
	instance_close(instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(absent_instances, begin),
	    cmocka_unit_test_setup_teardown(changes_are_seen_and_kept, begin, end),
	    cmocka_unit_test_setup_teardown(names_come_sorted, begin, end),
	    cmocka_unit_test_setup_teardown(bytes_of_many_parts, begin, end),
	    cmocka_unit_test_setup_teardown(a_crash_leaves_old_or_new, begin, end),
	    cmocka_unit_test_setup_teardown(a_full_map_changes_nothing, begin, end),
	    cmocka_unit_test_setup_teardown(another_format_is_refused, begin, end),
	    cmocka_unit_test_setup_teardown(readers_do_not_wait, begin, end),
	    cmocka_unit_test_setup_teardown(writers_wait, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
