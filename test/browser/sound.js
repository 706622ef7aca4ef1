// SPDX-License-Identifier: GPL-3.0-or-later
// Runs in the page before its library: what happened, what is said, what is heard.
"use strict";

const events = [];

// A microphone that needs no device: a tone.
function tone(hz = 440) {
	const audio = new AudioContext(), source = audio.createOscillator(), out = audio.createMediaStreamDestination();

	source.frequency.value = hz;
	source.connect(out);
	source.start();
	return out.stream;
}

// With a moving picture on request.
async function source(hz, video) {
	const stream = tone(hz);

	if (video)
		stream.addTrack((await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240, frameRate: 15 } })).getVideoTracks()[0]);
	return stream;
}

// What is heard of the last call: ten times a second the loudest frequency of what comes, and how loud it is.
const heard = [];
let listening = null;

function listen(stream) {
	const player = new Audio(), audio = new AudioContext(), analyser = audio.createAnalyser();

	player.srcObject = stream; // else nothing is decoded
	player.muted = true;
	player.play();
	analyser.fftSize = 4096;
	analyser.smoothingTimeConstant = 0;
	audio.createMediaStreamSource(stream).connect(analyser);

	const bins = new Float32Array(analyser.frequencyBinCount), step = audio.sampleRate / analyser.fftSize;

	clearInterval(listening);
	heard.length = 0;
	listening = setInterval(() => {
		let top = 1;

		analyser.getFloatFrequencyData(bins);
		for (let i = 1; i < bins.length; i++)
			if (bins[i] > bins[top])
				top = i;
		heard.push({ hz: top * step, db: isFinite(bins[top]) ? bins[top] : -200 });
	}, 100);
}
