/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/notify.h"

static char path[64];
static int manager = -1; /* systemd's side */

static int setup(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(path, sizeof(path), "/tmp/offhook-notify-%d", (int)getpid());
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	unlink(path);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (manager < 0 || bind(manager, (struct sockaddr *)&un, sizeof(un)))
		return -1;
	return setenv("NOTIFY_SOCKET", path, 1);
}

static int teardown(void **state)
{
	close(manager);
	unlink(path);
	return unsetenv("NOTIFY_SOCKET");
}

static void assert_told(const char *want)
{
	char text[256];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	assert_true(n > 0);
	text[n] = '\0';
	assert_string_equal(text, want);
}

static void systemd_hears_of_each_step(void **state)
{
	notify_ready("2 listeners");
	assert_told("READY=1\nSTATUS=2 listeners");
	notify_status("5 calls");
	assert_told("STATUS=5 calls");
	notify_alive();
	assert_told("WATCHDOG=1");
	notify_stopping();
	assert_told("STOPPING=1");
}

static void watchdog_is_fed_twice_in_its_time(void **state)
{
	char pid[16];

	assert_int_equal(notify_watchdog_ms(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	assert_int_equal(notify_watchdog_ms(), 15000);
	setenv("WATCHDOG_PID", "1", 1); /* meant for another process */
	assert_int_equal(notify_watchdog_ms(), 0);
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
}

static void without_systemd_nothing_happens(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	notify_ready("x");
	notify_stopping();
	assert_int_equal(recv(manager, path, 0, 0), -1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(systemd_hears_of_each_step),
		T(watchdog_is_fed_twice_in_its_time),
		T(without_systemd_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
