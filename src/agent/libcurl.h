/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * libcurl, opened when an API server is to be asked: with TLS and all that it
 * brings, it takes longer to link than most commands take to run.
 */
#ifndef NPCTL_AGENT_LIBCURL_H
#define NPCTL_AGENT_LIBCURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define LIBCURL_CALLS(X)            \
	X(curl_global_init)         \
	X(curl_easy_init)           \
	X(curl_easy_cleanup)        \
	X(curl_easy_setopt)         \
	X(curl_easy_getinfo)        \
	X(curl_easy_strerror)       \
	X(curl_easy_escape)         \
	X(curl_free)                \
	X(curl_slist_append)        \
	X(curl_slist_free_all)      \
	X(curl_multi_init)          \
	X(curl_multi_cleanup)       \
	X(curl_multi_add_handle)    \
	X(curl_multi_remove_handle) \
	X(curl_multi_perform)       \
	X(curl_multi_poll)          \
	X(curl_multi_info_read)     \
	X(curl_multi_timeout)

/* Every call that is made, under its own name. */
struct libcurl {
#define X(call) typeof(call) *call;
	LIBCURL_CALLS(X)
#undef X
};
extern struct libcurl libcurl;

int libcurl_open(void);

#define curl_global_init(...) libcurl.curl_global_init(__VA_ARGS__)
#define curl_easy_init(...) libcurl.curl_easy_init(__VA_ARGS__)
#define curl_easy_cleanup(...) libcurl.curl_easy_cleanup(__VA_ARGS__)
#define curl_easy_setopt(...) libcurl.curl_easy_setopt(__VA_ARGS__)
#define curl_easy_getinfo(...) libcurl.curl_easy_getinfo(__VA_ARGS__)
#define curl_easy_strerror(...) libcurl.curl_easy_strerror(__VA_ARGS__)
#define curl_easy_escape(...) libcurl.curl_easy_escape(__VA_ARGS__)
#define curl_free(...) libcurl.curl_free(__VA_ARGS__)
#define curl_slist_append(...) libcurl.curl_slist_append(__VA_ARGS__)
#define curl_slist_free_all(...) libcurl.curl_slist_free_all(__VA_ARGS__)
#define curl_multi_init(...) libcurl.curl_multi_init(__VA_ARGS__)
#define curl_multi_cleanup(...) libcurl.curl_multi_cleanup(__VA_ARGS__)
#define curl_multi_add_handle(...) libcurl.curl_multi_add_handle(__VA_ARGS__)
#define curl_multi_remove_handle(...) libcurl.curl_multi_remove_handle(__VA_ARGS__)
#define curl_multi_perform(...) libcurl.curl_multi_perform(__VA_ARGS__)
#define curl_multi_poll(...) libcurl.curl_multi_poll(__VA_ARGS__)
#define curl_multi_info_read(...) libcurl.curl_multi_info_read(__VA_ARGS__)
#define curl_multi_timeout(...) libcurl.curl_multi_timeout(__VA_ARGS__)

#endif
