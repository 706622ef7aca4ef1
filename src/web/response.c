/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing responses.  The headers that protect a browser are added here, so that no handler can forget them.
 */
#include "web/http.h"
#include <time.h>

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{101, "Switching Protocols"},
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{426, "Upgrade Required"},
	{428, "Precondition Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

const char *http_reason(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Status";
}

static void write_date(struct buf *out, int64_t wall_us)
{
	time_t t = (time_t)(wall_us / 1000000);
	struct tm tm;
	char text[64];

	if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		buf_printf(out, "Date: %s\r\n", text);
}

void http_response_write(struct buf *out, const struct http_write *w)
{
	const struct web_response *r = w->resp;
	bool has_body = r->status != 204 && r->status != 304 && r->status >= 200;

	buf_printf(out, "HTTP/1.1 %u %s\r\n", r->status, http_reason(r->status));
	write_date(out, w->wall_us);
	buf_printf(out, "Server: offhook\r\nConnection: %s\r\n",
		   w->keep_alive ? "keep-alive" : "close");
	if (has_body && r->content_type)
		buf_printf(out, "Content-Type: %s\r\n", r->content_type);
	if (has_body && !r->has_more)
		buf_printf(out, "Content-Length: %zu\r\n", r->body.n);
	else if (has_body && w->is_chunked)
		buf_cstr(out, "Transfer-Encoding: chunked\r\n");
	if (!r->is_cacheable)
		buf_cstr(out, "Cache-Control: no-store\r\n");
	buf_printf(out,
		   "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: "
		   "no-referrer\r\n"
		   "Cross-Origin-Resource-Policy: same-origin\r\nContent-Security-Policy: %s\r\n",
		   r->csp ? r->csp : "default-src 'none'; frame-ancestors 'none'");
	if (w->request_id && w->request_id[0])
		buf_printf(out, "X-Request-Id: %s\r\n", w->request_id);
	buf_str(out, r->headers);
	buf_cstr(out, "\r\n");
	if (!has_body || w->is_head)
		return;
	if (r->has_more && w->is_chunked)
		http_chunk_write(out, r->body);
	else
		buf_str(out, r->body);
}

void http_chunk_write(struct buf *out, struct str bytes)
{
	if (!bytes.n)
		return;
	buf_printf(out, "%zx\r\n", bytes.n);
	buf_str(out, bytes);
	buf_cstr(out, "\r\n");
}
