module sellstream/bench/loadgen

go 1.22
