/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the phone book is served over LDAP, as ldap_servers says, obeyed as it is written.  What cannot be bound is tried again
 * until it can; what stays as it was keeps its connections.
 *
 * Thread     core; directory_close: main, after the store
 */
#ifndef MAIN_DIRECTORY_H
#define MAIN_DIRECTORY_H

#include "base/defs.h"

struct server;
struct directory;

int directory_start(struct server *s) MUST_USE;
void directory_stop(struct server *s);
void directory_close(struct server *s);

#endif
