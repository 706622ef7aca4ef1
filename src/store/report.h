/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Call reports (CDR-2): call records of a time that fit some filters, as CSV, kept until they are deleted and sent by e-mail.
 *
 * A report is made in turns of one page of records each by a thread of low priority.  What a turn adds and where the next goes on is one
 * transaction: after a crash the report goes on where it was, on whichever node takes the next turn.
 *
 * Thread     reports_start, reports_stop: main; report_attachment: the connection's
 * Errors     ENOMEM, and those of a thread that cannot start; those of db.h
 */
#ifndef STORE_REPORT_H
#define STORE_REPORT_H

#include "store/store_impl.h"

enum { REPORT_PAGE = 500, REPORT_LINES = 1000000, REPORTS_OF_TENANT = 200 };
enum report_state { REPORT_RUNNING, REPORT_COMPLETE, REPORT_FAILED };

struct reports;
int reports_start(struct reports **mp, struct store *s) MUST_USE;
void reports_stop(struct reports *m);

/* Its CSV.  ENOENT: it is gone; EFBIG: it has more bytes than max. */
int report_attachment(struct rows *r, uint64_t tenant_id, uint64_t id, size_t max, struct buf *out,
		      char name[80]) MUST_USE;
int report_remove(struct rows *r, uint64_t tenant_id, uint64_t id) MUST_USE;
/* query_reports.c: as GET shows it */
int query_one_report(struct rows *r, uint64_t tenant_id, uint64_t id,
		     struct store_reply *reply) MUST_USE;

#endif
