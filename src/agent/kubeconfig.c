// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/kubeconfig.h"
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/base.h"
#include "manifest/manifest.h"
#include "manifest/schema.h"

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

static int base64_digit(char letter)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = letter ? strchr(letters, letter) : NULL;

	return at ? (int)(at - letters) : -1;
}

/* A text; NULL when it is no base64. */
static char *base64_decode(const char *text)
{
	char *decoded = xalloc(strlen(text) + 1), *to = decoded;
	uint32_t bits = 0;
	int count = 0;

	for (; *text && *text != '='; text++) {
		int digit = base64_digit(*text);

		if (*text == '\n' || *text == '\r')
			continue;
		if (digit < 0) {
			free(decoded);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)digit;
		count += 6;
		if (count >= 8)
			*to++ = (char)(bits >> (count -= 8));
	}
	return decoded;
}

struct kubeconfig {
	const char *path;
	const json_t *root;
	char *folder; /* that its relative paths begin in */
};

/* What NAMEs[name=…].FIELD holds; NULL, having complained. */
static const json_t *find_named(const struct kubeconfig *config, const char *list, const char *name,
				const char *field)
{
	const json_t *array = field_get(config->root, list);
	json_t *each;
	size_t i;

	json_array_foreach (array, i, each)
		if (strcmp(field_text(each, "name", ""), name) == 0 && field_get(each, field))
			return field_get(each, field);
	fail("%s: %s: there is none called \"%s\"", config->path, list, name);
	return NULL;
}

static char *take_text(const json_t *from, const char *name)
{
	const char *text = field_text(from, name, NULL);

	return text && *text ? xstrdup(text) : NULL;
}

static char *take_path(const struct kubeconfig *config, const json_t *from, const char *name)
{
	const char *text = field_text(from, name, NULL);

	if (!text || !*text)
		return NULL;
	return *text == '/' ? xstrdup(text) : xprintf("%s/%s", config->folder, text);
}

/* The field "NAME-data", or the file that the field NAME names. */
static int take_pem(const struct kubeconfig *config, const json_t *from, const char *name,
		    char **pem, char **file)
{
	char *field = xprintf("%s-data", name);
	const char *data = field_text(from, field, "");
	int result = 0;

	if (*data) {
		*pem = base64_decode(data);
		if (!*pem)
			result = fail("%s: %s is no base64", config->path, field);
	} else {
		*file = take_path(config, from, name);
		if (*file && access(*file, R_OK))
			result = fail("%s: %s: cannot read %s", config->path, name, *file);
	}
	free(field);
	return result;
}

static int take_cluster(const struct kubeconfig *config, const json_t *from,
			struct cluster *cluster)
{
	size_t length;

	cluster->server = take_text(from, "server");
	if (!cluster->server)
		return fail("%s: the cluster has no server", config->path);
	length = strlen(cluster->server);
	while (length && cluster->server[length - 1] == '/')
		cluster->server[--length] = '\0';
	if (field_get(from, "tls-server-name"))
		return fail("%s: tls-server-name is not supported", config->path);
	cluster->proxy = take_text(from, "proxy-url");
	cluster->insecure = json_is_true(field_get(from, "insecure-skip-tls-verify"));
	return take_pem(config, from, "certificate-authority", &cluster->ca, &cluster->ca_file);
}

static int take_user(const struct kubeconfig *config, const json_t *from, struct cluster *cluster)
{
	static const char *const others[] = {"exec", "auth-provider"};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (field_get(from, others[i]))
			return fail("%s: the user's %s is not supported; a token or a client "
				    "certificate is",
				    config->path, others[i]);
	cluster->token_file = take_path(config, from, "tokenFile");
	if (!cluster->token_file)
		cluster->token = take_text(from, "token");
	cluster->user = take_text(from, "username");
	cluster->password = take_text(from, "password");
	if (take_pem(config, from, "client-certificate", &cluster->cert, &cluster->cert_file))
		return FAILED;
	return take_pem(config, from, "client-key", &cluster->key, &cluster->key_file);
}

static int take_context(const struct kubeconfig *config, const char *context,
			struct cluster *cluster)
{
	const json_t *names, *from;
	const char *user;

	if (!context)
		context = field_text(config->root, "current-context", "");
	if (!*context)
		return fail("%s: it has no current-context; say --context", config->path);
	names = find_named(config, "contexts", context, "context");
	if (!names)
		return FAILED;
	from = find_named(config, "clusters", field_text(names, "cluster", ""), "cluster");
	if (!from || take_cluster(config, from, cluster))
		return FAILED;
	user = field_text(names, "user", "");
	if (!*user)
		return 0;
	from = find_named(config, "users", user, "user");
	return from ? take_user(config, from, cluster) : FAILED;
}

int kubeconfig_read(const char *path, const char *context, struct cluster *cluster)
{
	struct kubeconfig config = {.path = path};
	struct manifests manifests = {0};
	char *copy = xstrdup(path);
	int result = manifests_read(path, &manifests);

	*cluster = (struct cluster){0};
	config.folder = dirname(copy);
	if (!result && manifests.count != 1)
		result = fail("%s: expected one document, a kubeconfig", path);
	if (!result) {
		config.root = manifests.manifest[0].object;
		result = take_context(&config, context, cluster);
	}
	manifests_release(&manifests);
	free(copy);
	return result;
}

int kubeconfig_inside(struct cluster *cluster)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");

	*cluster = (struct cluster){0};
	if (!host || !*host)
		return misuse("which cluster? --kubeconfig FILE, or --manifests DIR for none; this "
			      "is no cluster's pod");
	cluster->server = xprintf(strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host,
				  port && *port ? port : "443");
	cluster->ca_file = xstrdup(ACCOUNT "/ca.crt");
	cluster->token_file = xstrdup(ACCOUNT "/token");
	if (access(cluster->token_file, R_OK))
		return fail("cannot read %s: the pod has no service account", cluster->token_file);
	return 0;
}

void cluster_release(struct cluster *cluster)
{
	free(cluster->server);
	free(cluster->ca);
	free(cluster->ca_file);
	free(cluster->cert);
	free(cluster->cert_file);
	free(cluster->key);
	free(cluster->key_file);
	free(cluster->token);
	free(cluster->token_file);
	free(cluster->user);
	free(cluster->password);
	free(cluster->proxy);
	*cluster = (struct cluster){0};
}
