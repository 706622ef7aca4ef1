/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The media engine with one call of two legs, audio (mu-law, 0) and video (H.264: 96, VP8: 97), and a recording of it: for the tests, until
 * a service records calls.  Commands come in as lines, events go out as lines.
 *
 *   film_engine LOCAL-IP PEER-IP FIRST-PORT      leg n sends from, and hears at, PEER-IP: FIRST-PORT + 4n audio, + 4n + 2 video
 *   → ports A V A V
 *   record PATH · hold · go · end · quit         → recorded ERR MS BYTES
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audio/codec.h"
#include "base/thread.h"
#include "media/files.h"
#include "media/media.h"

enum { LEGS = 2, STREAMS = 2, AUDIO_PT = 0, H264_PT = 96, VP8_PT = 97 };

struct engine {
	struct media *m;
	uint32_t seq, answered;
	uint16_t ports[LEGS * STREAMS];
};

static void on_event(const struct media_event *ev, void *arg)
{
	struct engine *e = arg;

	if (ev->type == MEDIA_RECORDED)
		printf("recorded %d %llu %llu\n", ev->err, (unsigned long long)ev->u.recorded.ms,
		       (unsigned long long)ev->u.recorded.bytes);
	else if (ev->seq && ev->err)
		printf("failed %s\n", strerror(ev->err));
	if (ev->type == MEDIA_OPENED)
		for (size_t i = 0; i < STREAMS; i++)
			e->ports[(ev->session - 1) * STREAMS + i] = ev->u.local[i].port;
	if (ev->seq > e->answered)
		e->answered = ev->seq;
}

static void ask(struct engine *e, struct media_cmd cmd)
{
	struct pollfd p = {.fd = media_fd(e->m), .events = POLLIN};

	cmd.seq = ++e->seq;
	if (media_engine(e->m)->post(media_engine(e->m), &cmd))
		exit(1);
	while (e->answered < cmd.seq) {
		poll(&p, 1, 1000);
		media_poll(e->m);
	}
}

static struct addr at(const char *ip, int port)
{
	struct addr a;

	if (addr_parse(&a, str_of(ip), (uint16_t)port))
		exit(2);
	return a;
}

static void describe(struct engine *e, oid session, uint8_t stream, struct addr peer)
{
	struct media_cmd cmd = {.type = MEDIA_REMOTE, .session = session};
	struct media_remote *r = &cmd.u.remote.remote;

	cmd.u.remote.stream = stream;
	r->may_send = r->may_receive = true;
	r->rtp = peer;
	r->kind = stream ? MEDIA_VIDEO : MEDIA_AUDIO;
	r->clock_hz = stream ? 90000 : 0;
	r->rtcp_mux = stream > 0;
	r->format.events_in = r->format.events_out = MEDIA_NO_PT;
	if (stream) {
		r->pictures = (struct media_pictures){
			.n = 2,
			.types = {{H264_PT, MEDIA_PICTURE_H264}, {VP8_PT, MEDIA_PICTURE_VP8}}};
	} else {
		r->format.codec = CODEC_PCMU;
		r->format.pt_in = r->format.pt_out = AUDIO_PT;
		r->format.ptime_ms = 20;
	}
	ask(e, cmd);
}

static void set_up(struct engine *e, const char *local, const char *peer, int port)
{
	for (oid session = 1; session <= LEGS; session++) {
		struct media_cmd cmd = {.type = MEDIA_OPEN, .session = session};

		cmd.u.open.nstreams = STREAMS;
		cmd.u.open.local = at(local, 0);
		cmd.u.open.call = 1;
		ask(e, cmd);
		for (uint8_t i = 0; i < STREAMS; i++, port += 2)
			describe(e, session, i, at(peer, port));
	}
	ask(e, (struct media_cmd){.type = MEDIA_JOIN, .session = 1, .u.join.peer = 2});
	printf("ports %u %u %u %u\n", e->ports[0], e->ports[1], e->ports[2], e->ports[3]);
}

static void record(struct engine *e, const char *path)
{
	struct media_cmd cmd = {.type = MEDIA_RECORD, .session = 1};

	cmd.u.record.path = path_list_make(1);
	if (!cmd.u.record.path)
		exit(3);
	memcpy(cmd.u.record.path->paths[0], path, strnlen(path, FILES_MAX_PATH - 1));
	cmd.u.record.has_two_tracks = true;
	cmd.u.record.has_pictures = true;
	ask(e, cmd);
}

/* False: quit. */
static bool obey(struct engine *e, char *line)
{
	struct media_cmd cmd = {.session = 1};

	line[strcspn(line, "\n")] = 0;
	if (!strncmp(line, "record ", 7)) {
		record(e, line + 7);
	} else if (!strcmp(line, "hold") || !strcmp(line, "go")) {
		cmd.type = MEDIA_RECORD_HOLD;
		cmd.u.hold = line[0] == 'h';
		ask(e, cmd);
	} else if (!strcmp(line, "end")) {
		cmd.type = MEDIA_RECORD_END;
		ask(e, cmd);
	}
	printf("ok %s\n", line);
	return strcmp(line, "quit");
}

int main(int argc, char **argv)
{
	struct engine e = {0};
	struct media_conf conf = {
		.nthreads = 1, .port_min = 41000, .port_max = 41998, .fn = on_event, .arg = &e};
	struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
	char line[1024];

	if (argc != 4)
		return 64;
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	thread_become(THREAD_CORE);
	if (media_open(&e.m, &conf))
		return 1;
	set_up(&e, argv[1], argv[2], (int)strtol(argv[3], NULL, 10));
	p[1].fd = media_fd(e.m);
	for (;;) {
		poll(p, ARRAY_LEN(p), -1);
		media_poll(e.m);
		if (p[0].revents && (!fgets(line, sizeof(line), stdin) || !obey(&e, line)))
			break;
	}
	media_close(e.m);
	return 0;
}
