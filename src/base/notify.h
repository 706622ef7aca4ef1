/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What systemd wants to hear (Type=notify, WatchdogSec=).  Does nothing when not started by it.
 *
 * Thread     any
 * Sources    sd_notify(3), sd_watchdog_enabled(3)
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include "base/defs.h"

void notify_ready(const char *status);	/* every listener is bound */
void notify_status(const char *status); /* one line for systemctl status */
void notify_stopping(void);
/* How often notify_alive() is wanted: half of WatchdogSec; 0 = no watchdog. */
uint64_t notify_watchdog_ms(void);
void notify_alive(void);

#endif
