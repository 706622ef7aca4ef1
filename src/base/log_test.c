/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log, the metrics' text and the clock's: what people and other programs read. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_writer.h"
#include "base/metric.h"
#include "base/rng.h"

static char path[] = "/tmp/offhook-log-XXXXXX";
static char text[65536];

static void begin(bool json, enum log_level level)
{
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(log_open(path, json, level), 0);
}

static const char *written(void)
{
	ssize_t n;
	int fd;

	log_flush();
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

/* What the file ends with. */
static const char *tail(void)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	assert_true(lseek(fd, -200, SEEK_END) > 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static unsigned lines(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void line_names_time_level_id_and_whom(void **state)
{
	struct log_ctx ctx = {.tenant = 5, .leg = 7};

	begin(false, LOG_INFO);
	log_warn(&ctx, LOGID_MEDIA_SILENT, "no RTP for %u ms, hanging up", 5000u);
	assert_non_null(
		strstr(written(),
		       "Z warn  MEDIA_SILENT tenant=5 leg=7: no RTP for 5000 ms, hanging up\n"));
	begin(true, LOG_INFO);
	log_warn(&ctx, LOGID_MEDIA_SILENT, "said \"%s\"", "hi");
	assert_non_null(
		strstr(written(),
		       "\"level\":\"warn\",\"id\":\"MEDIA_SILENT\",\"tenant\":\"5\",\"leg\":\"7\","
		       "\"text\":\"said \\\"hi\\\"\"}\n"));
	assert_null(strstr(text, "call"));
}

static void levels_above_the_wanted_are_silent(void **state)
{
	begin(false, LOG_WARN);
	log_info(NULL, LOGID_CALL, "one");
	log_debug(NULL, LOGID_CALL, "two");
	assert_string_equal(written(), "");
	log_set_level(LOG_DEBUG);
	log_debug(NULL, LOGID_CALL, "two");
	assert_non_null(strstr(written(), "debug CALL: two\n"));
}

static void what_comes_from_outside_stays_in_its_line(void **state)
{
	static const char evil[] = "a\r\n2026 error BUG: x\x1b[31m\x7f\\ \xc3\xa4 \xc2\x9b \xff "
				   "\xe2\x80\xae \xc0\x8a \xed\xa0\x80";

	begin(false, LOG_INFO);
	log_info(NULL, LOGID_CALL, "%s", evil);
	assert_int_equal(lines(written()), 1);
	assert_non_null(strstr(
		text, "a\\x0d\\x0a2026 error BUG: x\\x1b[31m\\x7f\\\\ \xc3\xa4 \\xc2\\x9b \\xff "
		      "\\xe2\\x80\\xae \\xc0\\x8a \\xed\\xa0\\x80\n"));
	begin(true, LOG_INFO);
	log_info(NULL, LOGID_CALL, "%s", evil);
	assert_int_equal(lines(written()), 1);
	assert_non_null(strstr(
		text,
		"a\\u000d\\u000a2026 error BUG: x\\u001b[31m\\u007f\\\\ \xc3\xa4 \\u00c2\\u009b"));
	/* Not one byte that could do anything is left. */
	for (const unsigned char *p = (unsigned char *)text; p[1]; p++)
		assert_true(*p >= 0x20 && *p != 0x7f);
}

static void longest_line_is_cut_and_stays_whole(void **state)
{
	static char flood[20000];

	memset(flood, '\x01', sizeof(flood) - 1);
	begin(true, LOG_INFO);
	log_info(NULL, LOGID_CALL, "%s", flood);
	assert_int_equal(lines(written()), 1);
	assert_non_null(strstr(text, "\\u0001...\"}\n"));
}

static void equal_lines_are_folded(void **state)
{
	begin(false, LOG_INFO);
	for (int i = 0; i < 100; i++) { /* two lines in turn, as floods are */
		log_warn(NULL, LOGID_OVERLOAD, "refused %s", "A");
		log_warn(NULL, LOGID_OVERLOAD, "refused %s", "B");
	}
	log_warn(&(struct log_ctx){.call = 1}, LOGID_OVERLOAD, "refused %s",
		 "A"); /* about another */
	assert_int_equal(lines(written()), 5);
	assert_non_null(strstr(text, "OVERLOAD: refused A\n"));
	assert_non_null(strstr(text, "OVERLOAD: refused A (repeated 99 times)\n"));
	assert_non_null(strstr(text, "OVERLOAD: refused B (repeated 99 times)\n"));
	assert_non_null(strstr(text, "call=1: refused A\n"));
}

static void many_different_lines_lose_none(void **state)
{
	begin(false, LOG_INFO);
	for (int i = 0; i < 200; i++)
		log_info(NULL, LOGID_CALL, "line %d", i % 50);
	/* More kinds than are remembered: nothing can be folded, all are there. */
	assert_int_equal(lines(written()), 200);
}

static void lines_of_the_thread_are_all_there_in_order(void **state)
{
	char *p;

	begin(false, LOG_INFO);
	assert_int_equal(log_start(), 0);
	for (int i = 0; i < 500; i++)
		log_info(NULL, LOGID_CALL, "line %d.", i);
	log_stop();
	assert_int_equal(lines(written()), 500);
	p = text;
	for (int i = 0; i < 500; i++) {
		char one[32];

		snprintf(one, sizeof(one), "CALL: line %d.\n", i);
		p = strstr(p, one);
		assert_non_null(p);
	}
	log_info(NULL, LOGID_CALL, "written at once again");
	assert_non_null(strstr(written(), "at once again\n"));
}

static void flood_beyond_the_buffer_is_counted(void **state)
{
	struct log_writer *w = calloc(1, sizeof(*w));
	const struct log_writer fresh = LOG_WRITER_INIT;
	static char line[LOG_WRITER_BYTES];

	assert_non_null(w);
	*w = fresh;
	assert_int_equal(truncate(path, 0), 0);
	w->fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(log_writer_start(w), 0);
	pthread_mutex_lock(&w->writing); /* a disk that does not take anything */
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 5; i++)
		log_writer_put(w, line, sizeof(line));
	pthread_mutex_unlock(&w->writing);
	log_writer_stop(w);
	assert_non_null(strstr(tail(), "\n4 lines of the log were lost\n"));
	close(w->fd);
	free(w);
}

static void crash_leaves_the_last_lines(void **state)
{
	int status;
	pid_t pid;

	begin(false, LOG_INFO);
	pid = fork();
	if (!pid) {
		if (log_start())
			_exit(1);
		log_info(NULL, LOGID_CALL, "the last words");
		log_crash();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_non_null(strstr(written(), "CALL: the last words\n"));
}

static void unwritable_file_is_an_error(void **state)
{
	assert_int_equal(log_open("/nonexistent/x.log", false, LOG_INFO), ENOENT);
}

static void metrics_are_in_prometheus_form(void **state)
{
	struct buf b = {0};

	metric_add(METRIC_CALLS_TOTAL, 2);
	metric_add(METRIC_CALLS_TOTAL, 1);
	metric_set(METRIC_CALLS, UINT64_MAX);
	metric_write(&b);
	assert_int_equal(b.err, 0);
	assert_non_null(strstr(b.p, "# HELP offhook_calls_total calls since start\n"
				    "# TYPE offhook_calls_total counter\n"
				    "offhook_calls_total 3\n"));
	assert_non_null(strstr(b.p, "\noffhook_calls_active 18446744073709551615\n"));
	buf_free(&b);
}

static void time_is_written_in_utc(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{1795183500123456, "2026-11-20T14:05:00.123Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{951782400000000, "2000-02-29T00:00:00.000Z"},
		{INT64_MAX, NULL}, /* only must not overflow */
		{INT64_MIN, NULL},
	};
	char dst[32];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		clock_rfc3339(dst, sizeof(dst), cases[i].us);
		if (cases[i].text)
			assert_string_equal(dst, cases[i].text);
	}
}

static void virtual_clock_moves_only_by_hand(void **state)
{
	struct clock_virtual v;

	clock_virtual_init(&v, 1000000);
	assert_int_equal(clock_mono_us(&v.clock), 0);
	v.now_us += 5000;
	assert_int_equal(clock_mono_ms(&v.clock), 5);
	assert_int_equal(clock_wall_us(&v.clock), 1005000);
	assert_true(clock_mono_us(clock_real()) <= clock_mono_us(clock_real()));
}

static void seeded_randomness_repeats_and_is_fair(void **state)
{
	unsigned hits[6] = {0};
	struct rng_seeded a, b;
	char token[33];

	rng_seeded_init(&a, 42);
	rng_seeded_init(&b, 42);
	for (int i = 0; i < 100; i++)
		assert_true(rng_u64(&a.rng) == rng_u64(&b.rng));
	rng_seeded_init(&b, 43);
	assert_true(rng_u64(&a.rng) != rng_u64(&b.rng));
	for (int i = 0; i < 60000; i++)
		hits[rng_below(&a.rng, 6)]++;
	for (size_t i = 0; i < ARRAY_LEN(hits); i++)
		assert_in_range(hits[i], 9500, 10500);
	assert_int_equal(rng_below(&a.rng, 1), 0);
	assert_int_equal(rng_below(&a.rng, 0), 0);
	rng_token(&a.rng, token, 32);
	assert_int_equal(strlen(token), 32);
	assert_int_equal(
		strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
		32);
	assert_true(rng_u64(rng_system()) != rng_u64(rng_system()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_names_time_level_id_and_whom),
		cmocka_unit_test(levels_above_the_wanted_are_silent),
		cmocka_unit_test(what_comes_from_outside_stays_in_its_line),
		cmocka_unit_test(longest_line_is_cut_and_stays_whole),
		cmocka_unit_test(equal_lines_are_folded),
		cmocka_unit_test(many_different_lines_lose_none),
		cmocka_unit_test(lines_of_the_thread_are_all_there_in_order),
		cmocka_unit_test(flood_beyond_the_buffer_is_counted),
		cmocka_unit_test(crash_leaves_the_last_lines),
		cmocka_unit_test(unwritable_file_is_an_error),
		cmocka_unit_test(metrics_are_in_prometheus_form),
		cmocka_unit_test(time_is_written_in_utc),
		cmocka_unit_test(virtual_clock_moves_only_by_hand),
		cmocka_unit_test(seeded_randomness_repeats_and_is_fair),
	};
	int fd = mkstemp(path), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
