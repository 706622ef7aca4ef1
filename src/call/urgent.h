/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls for help go first: under whatever load a call to an emergency number is not refused, and not dropped unread.
 *
 * Thread     core
 * Errors     ENOMEM
 * Sources    TRN-5, RTE-8, RFC 5031
 */
#ifndef CALL_URGENT_H
#define CALL_URGENT_H

#include "call/calls.h"

int urgent_open(struct calls *cs) MUST_USE;
void urgent_close(struct calls *cs);

#endif
