/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  A line is made under one lock, so that lines of several threads never mix, and given to the writer's thread
 * (log_writer.h).  When the program crashes, what that has not written yet is written on the way out (log_crash).
 *
 * Folding  The last few different lines are remembered for a second.  A line that comes again within it is only counted; when
 * the second is over, the next line of anybody (or log_flush) first says how often it came.  Several are remembered,
 * because a flood often alternates between two or three lines.
 *
 * Escaping  What is quoted in a line comes from outside: control characters, bytes that are no UTF-8, and the backslash are
 * written as \xNN (JSON: \u00NN), so a display name can neither end a line nor colour a terminal.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_writer.h"

enum {
	TEXT_BYTES = 4096,
	LINE_BYTES = 6 * TEXT_BYTES + 512,
	KEPT = 8,
	KEPT_BYTES = 512,
	FOLD_US = 1000000
};

struct kept {
	uint64_t since_us; /* 0: unused */
	uint64_t times;	   /* beyond the first */
	enum log_level level;
	enum log_id id;
	struct log_ctx ctx;
	char text[KEPT_BYTES];
};

static struct {
	pthread_mutex_t lock;
	int fd;
	bool json;
	struct log_writer writer;
	struct kept kept[KEPT];
	char text[TEXT_BYTES];
	char line[LINE_BYTES];
	size_t n;
} out = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .writer = LOG_WRITER_INIT};

static _Atomic int wanted = LOG_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};
static const char *const id_names[LOGID_COUNT] = {
#define X(id, text) [LOGID_##id] = #id,
#include "base/log_ids.def"
#undef X
};

/* How many bytes of well-formed UTF-8 stand at p: 0 when none, or a control character of the C1 set. */
static size_t utf8_at(const unsigned char *p, size_t n)
{
	uint32_t c = p[0];
	size_t more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
	static const uint32_t least[] = {0, 0xa0, 0x800, 0x10000};

	if (c < 0xc2 || c > 0xf4 || more >= n)
		return 0;
	c &= 0x3fu >> more;
	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	/* Line and paragraph separators and the marks that reverse the direction of text. */
	if ((c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return 0;
	return more + 1;
}

static void put(const char *p, size_t n)
{
	if (n > sizeof(out.line) - 1 - out.n)
		return; /* cannot be: LINE_BYTES allows for all escaped; a newline always fits */
	memcpy(out.line + out.n, p, n);
	out.n += n;
}

PRINTF_LIKE(1, 2) static void put_printf(const char *fmt, ...)
{
	char part[160];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(part, sizeof(part), fmt, ap);
	va_end(ap);
	if (n > 0)
		put(part, (size_t)n < sizeof(part) ? (size_t)n : sizeof(part) - 1);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '\\' && c != '"';
}

static void put_escaped(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = strlen(text);

	while (n) {
		size_t whole = 0;

		while (whole < n && is_plain(p[whole]))
			whole++;
		if (!whole)
			whole = *p < 0x80 ? 1 : utf8_at(p, n);
		if (!whole || *p < 0x20 || *p == 0x7f) {
			put_printf(out.json ? "\\u%04x" : "\\x%02x", *p);
			whole = 1;
		} else if (*p == '\\' || (out.json && *p == '"')) {
			put("\\", 1);
			put((const char *)p, 1);
		} else {
			put((const char *)p, whole);
		}
		p += whole;
		n -= whole;
	}
}

static void put_text(const char *text)
{
	put(text, strlen(text));
}

static void put_number(const char *name, uint64_t v)
{
	char digits[STR_U64_DIGITS];
	struct str number = str_of_u64(digits, v);

	put_text(out.json ? ",\"" : " ");
	put_text(name);
	put_text(out.json ? "\":\"" : "=");
	put(number.p, number.n);
	if (out.json)
		put("\"", 1);
}

static void put_ctx(const struct log_ctx *c)
{
	const struct {
		const char *name;
		uint64_t value;
	} parts[] = {{"tenant", c->tenant}, {"call", c->call}, {"leg", c->leg}};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i].value)
			put_number(parts[i].name, parts[i].value);
}

/* Time, the level in five columns, what is meant. */
static void put_plain_head(const char *when, enum log_level level, enum log_id id)
{
	put_text(when);
	put_text(" ");
	put_text(level_names[level]);
	put("      ", 6 - strlen(level_names[level]));
	put_text(id_names[id]);
}

static void emit(enum log_level level, const struct log_ctx *ctx, enum log_id id, const char *text,
		 uint64_t repeated)
{
	char when[32];

	out.n = 0;
	clock_rfc3339(when, sizeof(when), clock_wall_us(clock_real()));
	if (out.json)
		put_printf("{\"time\":\"%s\",\"level\":\"%s\",\"id\":\"%s\"", when,
			   level_names[level], id_names[id]);
	else
		put_plain_head(when, level, id);
	put_ctx(ctx);
	put_text(out.json ? ",\"text\":\"" : ": ");
	put_escaped(text);
	if (out.json)
		put("\"", 1);
	if (repeated)
		put_printf(out.json ? ",\"repeated\":%llu" : " (repeated %llu times)",
			   (unsigned long long)repeated);
	if (out.json)
		put("}", 1);
	out.line[out.n++] = '\n';
	log_writer_put(&out.writer, out.line, out.n);
}

static void let_go(struct kept *k)
{
	if (k->times)
		emit(k->level, &k->ctx, k->id, k->text, k->times);
	k->since_us = 0;
	k->times = 0;
}

/* True: the line in out.text has only been counted. */
static bool folded(enum log_level level, const struct log_ctx *ctx, enum log_id id, uint64_t now_us)
{
	struct kept *free_one = NULL, *oldest = &out.kept[0];
	size_t n = strlen(out.text);

	for (struct kept *k = out.kept; k < out.kept + KEPT; k++) {
		if (k->since_us && now_us - k->since_us >= FOLD_US)
			let_go(k);
		if (!k->since_us)
			free_one = k;
		else if (k->since_us < oldest->since_us)
			oldest = k;
		if (k->since_us && k->level == level && k->id == id &&
		    !memcmp(&k->ctx, ctx, sizeof(*ctx)) && !strcmp(k->text, out.text)) {
			k->times++;
			return true;
		}
	}
	if (n >= KEPT_BYTES)
		return false;
	if (!free_one) {
		let_go(oldest);
		free_one = oldest;
	}
	*free_one = (struct kept){.since_us = now_us, .level = level, .id = id, .ctx = *ctx};
	memcpy(free_one->text, out.text, n + 1);
	return false;
}

int log_open(const char *path, bool json, enum log_level level)
{
	int fd = STDERR_FILENO;

	if (path) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
		if (fd < 0)
			return errno;
	}
	log_flush();
	pthread_mutex_lock(&out.lock);
	log_writer_to(&out.writer, fd);
	if (out.fd != STDERR_FILENO)
		close(out.fd);
	out.fd = fd;
	out.json = json;
	pthread_mutex_unlock(&out.lock);
	log_set_level(level);
	return 0;
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&wanted, level, memory_order_relaxed);
}

bool log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&wanted, memory_order_relaxed);
}

void log_write(enum log_level level, const struct log_ctx *ctx, enum log_id id, const char *fmt,
	       ...)
{
	static const struct log_ctx nobody;
	va_list ap;
	int n;

	if (!log_wants(level))
		return;
	if (!ctx)
		ctx = &nobody;
	pthread_mutex_lock(&out.lock);
	va_start(ap, fmt);
	n = vsnprintf(out.text, sizeof(out.text), fmt, ap);
	va_end(ap);
	if (n < 0)
		out.text[0] = '\0';
	else if ((size_t)n >= sizeof(out.text))
		memcpy(out.text + sizeof(out.text) - 4, "...", 4);
	if (level == LOG_TRACE || !folded(level, ctx, id, clock_mono_us(clock_real())))
		emit(level, ctx, id, out.text, 0);
	pthread_mutex_unlock(&out.lock);
}

void log_settle(void)
{
	pthread_mutex_lock(&out.lock);
	for (struct kept *k = out.kept; k < out.kept + KEPT; k++)
		let_go(k);
	pthread_mutex_unlock(&out.lock);
}

void log_flush(void)
{
	log_settle();
	log_writer_flush(&out.writer);
}

int log_start(void)
{
	return log_writer_start(&out.writer);
}

void log_stop(void)
{
	log_settle();
	log_writer_stop(&out.writer);
}

void log_crash(void)
{
	log_writer_crash(&out.writer);
}
