%% The same as bench/workloads/ping-pong-local.ts and ping-pong-cross.ts.
-module(ping_pong).
-export([body/2, latencies/2]).

body(local, #{n := N, warm := Warm}) ->
    timed(spawn(fun server/0), Warm, N);
body(cross, Params) ->
    pinned_client(Params, fun timed/3).

latencies(cross, Params) ->
    pinned_client(Params, fun each_timed/3).

pinned_client(#{n := N, warm := Warm}, Client) ->
    Main = self(),
    Server = tsvm_bench:pinned(2, fun server/0),
    tsvm_bench:pinned(1, fun() -> Main ! {result, Client(Server, Warm, N)} end),
    receive {result, Result} -> Result end.

timed(Server, Warm, N) ->
    client(Server, Warm),
    Start = erlang:monotonic_time(),
    client(Server, N),
    Time = erlang:monotonic_time() - Start,
    Server ! stop,
    {N, Time}.

each_timed(Server, Warm, N) ->
    Histogram = tsvm_bench:latency_new(),
    client(Server, Warm),
    timing_client(Server, N, Histogram),
    Server ! stop,
    [{p50, tsvm_bench:latency_us(Histogram, 50)}, {p99, tsvm_bench:latency_us(Histogram, 99)}].

client(_Server, 0) -> ok;
client(Server, I) ->
    Server ! {ping, self(), I},
    receive {pong, Server, I} -> client(Server, I - 1) end.

timing_client(_Server, 0, _Histogram) -> ok;
timing_client(Server, I, Histogram) ->
    Start = erlang:monotonic_time(),
    Server ! {ping, self(), I},
    receive {pong, Server, I} -> ok end,
    tsvm_bench:latency_add(Histogram, erlang:monotonic_time() - Start),
    timing_client(Server, I - 1, Histogram).

server() ->
    receive
        {ping, From, I} ->
            From ! {pong, self(), I},
            server();
        stop ->
            ok
    end.
