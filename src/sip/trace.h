/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole messages in the log, one line each line of them, when the level is LOG_TRACE (TRN-4).
 *
 * What lets others speak for somebody is left out: responses of digests, keys of media.  Of bodies only descriptions of
 * sessions and calls are shown: what people write and the digits they press are nobody's business.
 *
 * Thread     core
 */
#ifndef SIP_TRACE_H
#define SIP_TRACE_H

#include "base/flow.h"

void trace_message(bool is_sent, const struct flow *flow, const void *p, size_t n);

#endif
