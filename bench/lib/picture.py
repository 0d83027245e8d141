# SPDX-License-Identifier: BSD-2-Clause
"""Draws the picture of bench/models with gnuplot."""

import subprocess

SCRIPT = """
set terminal {terminal}
set output "{out}"
set encoding utf8
set logscale xy
set xrange [0.8:{right}]
set yrange [{bottom}:{top}]
set xlabel "machines that want the file, N" offset 0,-0.3
set ylabel "time until the last of them has it" offset -0.5,0
set title "{title}" offset 0,0.4
set border 3 lw 1.2 lc rgb "#5c6770"
set tics nomirror textcolor rgb "#30363c"
set mxtics 10
set mytics 10
set format x "10^{{%L}}"
set xtics ("1" 1, "10" 10, "100" 100, "1,000" 1000, "10,000" 10000)
set ytics ({ytics})
set grid xtics ytics lw 1 lc rgb "#e4e8eb"
set key top left Left reverse samplen 1.4 spacing 1.35 width -4 opaque box lc rgb "#dfe3e6" font ",{small}"
set style line 1 lc rgb "#c8442e" lw 2.2
set style line 2 lc rgb "#1d6fa5" lw 2.2
set style line 3 lc rgb "#2c8a4b" lw 2.2
set label 1 "one server: N·F/u" at {server_x},{server_y} rotate by {angle} center tc rgb "#c8442e" font ",{small}"
set label 2 "swarm: max(F/u, N·F/(u + Σu_i))" at {swarm_x},{swarm_y} center tc rgb "#1d6fa5" font ",{small}"
server(n) = n * {copy}
swarm(n) = {copy} > n * {copy} / (1 + n) ? {copy} : n * {copy} / (1 + n)
{data}
{gap}
plot {plots}
"""

# kind: (what the key says, line style, point type, point size)
KINDS = {
    "server": ("one HTTP server (nginx), measured", 1, 7, 1.25),
    "swarm": ("a swarm of sprat, measured", 2, 7, 1.25),
    "simulated": ("a swarm of sprat, simulated", 2, 6, 1.35),
    "both": ("swarm and web seed, measured", 3, 9, 1.3),
}


def _ticks(low, high):
    steps = [(1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (36000, "10 h"),
             (360000, "100 h")]
    return ", ".join(f'"{name}" {at}' for at, name in steps if low <= at <= high)


def _gap(points, copy_seconds, font):
    """An arrow from the largest swarm's point up to where one server would be."""
    found = points.get("simulated") or points.get("swarm")
    if not found:
        return ""
    count = max(found)
    low, high = found[count], count * copy_seconds
    if high < 10 * low:
        return ""
    middle = (low * high) ** 0.5
    times = float(f"{high / low:.2g}")
    return (f'set arrow 1 from {count},{low * 1.25} to {count},{high / 1.25} heads size screen 0.008,20 filled lw 1 '
            f'lc rgb "#8a949c"\n'
            f'set label 3 "{times:,.0f} × sooner" at {count / 1.15},{middle} right tc rgb "#30363c" font ",{font}"')


def draw(points, copy_seconds, title, out, right=14000):
    """points: {kind: {N: seconds}}; out: a path that ends with .png or .svg."""
    large = out.endswith(".png")
    # Twice the size, for screens that show it in half of it.
    terminal = ('pngcairo size 1760,1080 fontscale 1 font "DejaVu Sans,23" linewidth 2 background "#ffffff"' if large
                else 'svg size 880,540 dynamic font "DejaVu Sans,12" background "#ffffff"')
    shown = {kind: found for kind, found in points.items() if found}
    scale = 2 if large else 1
    data = "\n".join(f"${kind} << EOD\n" + "\n".join(f"{n} {s}" for n, s in sorted(found.items())) + "\nEOD"
                     for kind, found in shown.items())
    plots = ["server(x) ls 1 notitle", "swarm(x) ls 2 notitle"]
    plots += [f'${kind} with points ls {KINDS[kind][1]} pt {KINDS[kind][2]} ps {KINDS[kind][3] * scale:.2f} '
              f'title "{KINDS[kind][0]}"' for kind in KINDS if kind in shown]
    bottom, top = copy_seconds / 2.6, right * copy_seconds * 1.2
    small = 20 if large else 10.5
    script = SCRIPT.format(
        terminal=terminal, out=out, right=right, bottom=bottom, top=top, title=title, copy=copy_seconds, data=data,
        plots=", ".join(plots), small=small, gap=_gap(shown, copy_seconds, small), ytics=_ticks(bottom, top),
        server_x=420, server_y=420 * copy_seconds * 1.45, angle=27.5, swarm_x=300, swarm_y=copy_seconds / 1.35)
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
