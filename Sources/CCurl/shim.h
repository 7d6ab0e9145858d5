// The C library libcurl, as Swift sees it: its calls with a variable number of arguments, one for each kind.
// SPDX-License-Identifier: Apache-2.0
#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

typedef size_t (*ovafs_curl_receiver)(char *bytes, size_t size, size_t count, void *context);
typedef int (*ovafs_curl_progress)(void *context, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

static inline CURLcode ovafs_curl_set_number(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode ovafs_curl_set_length(CURL *handle, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode ovafs_curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode ovafs_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}

static inline CURLcode ovafs_curl_set_headers(CURL *handle, struct curl_slist *headers) {
    return curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
}

static inline CURLcode ovafs_curl_set_receiver(CURL *handle, CURLoption option, ovafs_curl_receiver receiver) {
    return curl_easy_setopt(handle, option, receiver);
}

static inline CURLcode ovafs_curl_set_progress(CURL *handle, ovafs_curl_progress progress) {
    return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, progress);
}

/// Of what a socket was given, at most so many bytes wait to be sent.
static inline int ovafs_curl_bound_socket(void *context, curl_socket_t socket, curlsocktype purpose) {
    int byte_count = 128 << 10;
    (void)context;
    (void)purpose;
    setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &byte_count, sizeof byte_count);
    return CURL_SOCKOPT_OK;
}

/// Has the sockets of a handle bound as above.
static inline CURLcode ovafs_curl_bound_unsent(CURL *handle) {
    return curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, ovafs_curl_bound_socket);
}

static inline curl_off_t ovafs_curl_microseconds(CURL *handle, CURLINFO info) {
    curl_off_t value = 0;
    return curl_easy_getinfo(handle, info, &value) == CURLE_OK ? value : 0;
}

static inline long ovafs_curl_number(CURL *handle, CURLINFO info) {
    long value = 0;
    return curl_easy_getinfo(handle, info, &value) == CURLE_OK ? value : 0;
}

static inline CURLMcode ovafs_curl_multi_set_number(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

/// The handle whose transfer has ended next, and how; null where none has.
static inline CURL *ovafs_curl_multi_next_ended(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        *result = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}
