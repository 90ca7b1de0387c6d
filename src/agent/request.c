// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/request.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "base/read_file.h"

#define CONNECT_S 10
#define SILENCE_S 10 /* of a list */
#define KEEPALIVE_S 20

static void set_blob(CURL *easy, CURLoption option, char *pem)
{
	struct curl_blob blob = {pem, strlen(pem), CURL_BLOB_COPY};

	curl_easy_setopt(easy, option, &blob);
}

/* A server is trusted by its own authority alone, where the kubeconfig names one. */
static void set_tls(CURL *easy, const struct cluster *cluster)
{
	if (cluster->ca || cluster->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (cluster->ca)
		set_blob(easy, CURLOPT_CAINFO_BLOB, cluster->ca);
	else if (cluster->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, cluster->ca_file);
	if (cluster->cert)
		set_blob(easy, CURLOPT_SSLCERT_BLOB, cluster->cert);
	else if (cluster->cert_file)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, cluster->cert_file);
	if (cluster->key)
		set_blob(easy, CURLOPT_SSLKEY_BLOB, cluster->key);
	else if (cluster->key_file)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, cluster->key_file);
	if (cluster->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static int add_token(struct request *request, const struct cluster *cluster)
{
	char *text = NULL, *line;
	size_t size;

	if (cluster->token_file && file_read(cluster->token_file, &text, &size))
		return FAILED;
	if (!text && cluster->token)
		text = xstrdup(cluster->token);
	if (!text)
		return 0;
	size = strlen(text);
	while (size && isspace((unsigned char)text[size - 1]))
		text[--size] = '\0';
	line = xprintf("Authorization: Bearer %s", text);
	request->headers = curl_slist_append(request->headers, line);
	free(line);
	free(text);
	return 0;
}

static void set_patience(CURL *easy, long seconds)
{
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S / 4);
	if (seconds) {
		curl_easy_setopt(easy, CURLOPT_TIMEOUT, seconds);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
}

int request_start(struct request *request, CURLM *multi, const struct cluster *cluster,
		  const char *path, long seconds, curl_write_callback take,
		  curl_write_callback header, void *data)
{
	char *url = xprintf("%s%s", cluster->server, path);
	CURL *easy = curl_easy_init();

	*request = (struct request){.easy = easy};
	curl_easy_setopt(easy, CURLOPT_URL, url);
	free(url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "npctl");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, data);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, data);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, data);
	if (cluster->proxy)
		curl_easy_setopt(easy, CURLOPT_PROXY, cluster->proxy);
	if (cluster->user)
		curl_easy_setopt(easy, CURLOPT_USERNAME, cluster->user);
	if (cluster->password)
		curl_easy_setopt(easy, CURLOPT_PASSWORD, cluster->password);
	set_tls(easy, cluster);
	set_patience(easy, seconds);
	request->headers = curl_slist_append(NULL, "Accept: application/json");
	if (add_token(request, cluster)) {
		request_end(request, NULL);
		return FAILED;
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	curl_multi_add_handle(multi, easy);
	return 0;
}

void request_end(struct request *request, CURLM *multi)
{
	if (!request->easy)
		return;
	if (multi)
		curl_multi_remove_handle(multi, request->easy);
	curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	request->easy = NULL;
	request->headers = NULL;
}

long request_status(const struct request *request)
{
	long status = 0;

	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

char *query_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0), *copy = xstrdup(escaped ? escaped : "");

	curl_free(escaped);
	return copy;
}
