# One chart: charts.gnuplot KIND DATA OUTPUT SERVICES TITLES, see report.js. A line of DATA is a
# place on the axis: its label, and a column for each service. What is drawn in black, report.js
# makes follow the reader's colours.

kind = ARG1; data = ARG2; services = ARG4; titles = ARG5
n = words(services)
title_of(s) = system(sprintf("printf '%%s' '%s' | cut -d '|' -f %d", titles, s))
color_of(name) = name eq "ours" ? "#1a9850" : name eq "limit" ? "#8b949e" : name eq "go" ? "#3fa0d0" : \
    name eq "fastify" ? "#d9902f" : "#a371c7"

set encoding utf8
set terminal svg size 980, 420 dynamic font "sans-serif,13"
set output ARG3
set datafile separator "\t"
set datafile missing "?"
set boxwidth 0.92
set style fill solid 1.0 noborder
set border 3
set tics nomirror scale 0.5
set key outside top center horizontal samplen 1 width -2 maxrows 1
set xtics ()
stats data using (0) nooutput
places = STATS_records
set for [i = 0:places - 1] xtics add \
    (system(sprintf("sed -n %dp '%s' | cut -f 1 | tr -d '\"'", i + 1, data)) i * (n + 1) + (n - 1) / 2.0)
set xrange [-1:places * (n + 1) - 1]

if (kind eq "cpu") { set ylabel "CPU µs a request (logarithmic)"; set logscale y; set yrange [10:*] }
if (kind eq "p99") { set ylabel "p99 in ms (logarithmic)"; set logscale y; set yrange [1:*] }
if (kind eq "pss") { set ylabel "PSS in MB"; set yrange [0:*] }
figure(value) = value < 10 ? sprintf("%.1f", value) : sprintf("%.0f", value)

plot for [s = 1:n] data using ($0 * (n + 1) + s - 1):(column(s + 1)) with boxes \
         linecolor rgb color_of(word(services, s)) title title_of(s), \
     for [s = 1:n] data using ($0 * (n + 1) + s - 1):(column(s + 1)):(figure(column(s + 1))) with labels \
         offset 0, 0.6 font "sans-serif,10" notitle
