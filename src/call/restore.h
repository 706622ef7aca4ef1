/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Legs that were up when the process died: their calls are in the records as interrupted, their devices are told with a BYE.
 *
 * Thread     core
 */
#ifndef CALL_RESTORE_H
#define CALL_RESTORE_H

struct calls;

void restored_free(struct calls *cs); /* those not yet over, at stop */

#endif
