/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <systemd/sd-daemon.h>

#include "base/notify.h"

void notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void notify_status(const char *status)
{
	sd_notifyf(0, "STATUS=%s", status);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

uint64_t notify_watchdog_ms(void)
{
	uint64_t us;

	if (sd_watchdog_enabled(0, &us) <= 0)
		return 0;
	return us / 2000 ? us / 2000 : 1;
}

void notify_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}
