// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* IPAM plugins: found in CNI_PATH, run with our environment and configuration. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cni/attachment.h"
#include "cni/refuse.h"
#include "manifest/schema.h"

extern char **environ;

static char *find_plugin(const struct request *request)
{
	char *paths = xstrdup(request->path ? request->path : ""), *rest = paths, *folder;
	char *found = NULL;

	while (!found && (folder = strsep(&rest, ":"))) {
		if (!*folder)
			continue;
		found = xprintf("%s/%s", folder, request->config.ipam);
		if (access(found, X_OK)) {
			free(found);
			found = NULL;
		}
	}
	free(paths);
	if (!found && !request->path)
		refuse(REFUSED_ENVIRONMENT, "CNI_PATH does not say where to find the plugin %s",
		       request->config.ipam);
	else if (!found)
		refuse(REFUSED_CONFIG, "ipam.type: there is no plugin \"%s\" in CNI_PATH (%s)",
		       request->config.ipam, request->path);
	return found;
}

/* A file, so that neither side waits for the other. */
static int input_of(const json_t *config)
{
	char *text = json_dumps(config, JSON_COMPACT);
	int fd = memfd_create("configuration", MFD_CLOEXEC);
	size_t size = strlen(text);

	if (fd >= 0 && (write(fd, text, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))) {
		close(fd);
		fd = -1;
	}
	free(text);
	return fd < 0 ? refuse(REFUSED_INPUT, "hand on the configuration: %s", strerror(errno))
		      : fd;
}

static char *read_all(int fd)
{
	char *text = NULL, part[4096];
	size_t size;
	ssize_t got;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	while ((got = read(fd, part, sizeof(part))) > 0 || (got < 0 && errno == EINTR))
		if (got > 0)
			fwrite(part, 1, (size_t)got, to);
	fclose(to);
	return text;
}

struct run {
	char *path;
	int input, output[2];
	char *text; /* what it said */
	int status;
};

static int spawn(struct run *run)
{
	char *const words[] = {run->path, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int error;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, run->input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, run->output[1], STDOUT_FILENO);
	error = posix_spawn(&pid, run->path, &actions, NULL, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(run->output[1]);
	run->output[1] = -1;
	if (error)
		return fail("run %s: %s", run->path, strerror(error));
	run->text = read_all(run->output[0]);
	while (waitpid(pid, &run->status, 0) < 0)
		if (errno != EINTR)
			return fail("wait for %s: %s", run->path, strerror(errno));
	return 0;
}

/* Its refusal is ours. */
static int refused(const struct run *run, const json_t *said)
{
	const json_t *code = json_object_get(said, "code");
	const char *message = field_text(said, "msg", ""),
		   *details = field_text(said, "details", "");

	if (WIFSIGNALED(run->status))
		return fail("%s was killed by signal %d", run->path, WTERMSIG(run->status));
	if (!json_is_integer(code))
		return fail("%s failed with exit status %d", run->path, WEXITSTATUS(run->status));
	return refuse((int)json_integer_value(code), "%s: %s%s%s", run->path, message,
		      *details ? "; " : "", details);
}

static int run_plugin(const struct request *request, const json_t *config, json_t **result)
{
	struct run run = {.path = find_plugin(request), .input = -1, .output = {-1, -1}};
	json_t *said = NULL;
	int error = FAILED;

	if (!run.path)
		return FAILED;
	run.input = input_of(config);
	if (run.input < 0)
		goto out;
	if (pipe2(run.output, O_CLOEXEC)) {
		fail("run %s: %s", run.path, strerror(errno));
		goto out;
	}
	error = spawn(&run);
	said = run.text ? json_loads(run.text, 0, NULL) : NULL;
	if (!error && run.status)
		error = refused(&run, said);
	else if (!error && result && !json_is_object(said))
		error = refuse(REFUSED_JSON, "%s returned no JSON object", run.path);
	if (!error && result)
		*result = json_incref(said);
out:
	json_decref(said);
	if (run.input >= 0)
		close(run.input);
	if (run.output[0] >= 0)
		close(run.output[0]);
	if (run.output[1] >= 0)
		close(run.output[1]);
	free(run.text);
	free(run.path);
	return error;
}

/* The newest version, older than ours, that the plugin knows, too; NULL: none. */
static const char *common_version(const struct request *request, json_t *config)
{
	json_t *said = NULL, *each;
	const char *common = NULL;
	size_t i;

	setenv("CNI_COMMAND", "VERSION", 1);
	if (run_plugin(request, config, &said))
		return NULL;
	json_array_foreach (json_object_get(said, "supportedVersions"), i, each)
		for (int k = 0; cni_versions[k]; k++)
			if (!strcmp(cni_versions[k], json_string_value(each)) &&
			    version_compare(cni_versions[k], request->version) < 0 &&
			    (!common || version_compare(cni_versions[k], common) > 0))
				common = cni_versions[k];
	json_decref(said);
	return common;
}

int delegate_run(const struct request *request, const char *command, json_t **result)
{
	json_t *config = json_copy(request->json);
	struct refusal_kept kept;
	const char *version;
	int error;

	setenv("CNI_COMMAND", command, 1);
	error = run_plugin(request, config, result);
	if (error && refusal_code() == REFUSED_VERSION) {
		kept = refusal_keep();
		version = common_version(request, config);
		refusal_again(&kept);
		if (version) {
			failure_clear();
			json_object_set_new(config, "cniVersion", json_string(version));
			setenv("CNI_COMMAND", command, 1);
			error = run_plugin(request, config, result);
		}
	}
	json_decref(config);
	setenv("CNI_COMMAND", request->command_name, 1);
	return error;
}

int delegate_delete(const struct request *request, const char *container, const char *ifname)
{
	setenv("CNI_CONTAINERID", container, 1);
	setenv("CNI_IFNAME", ifname, 1);
	return delegate_run(request, "DEL", NULL);
}
