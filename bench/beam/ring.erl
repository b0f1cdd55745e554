%% The same as bench/workloads/ring.ts.
-module(ring).
-export([body/2]).

body(Variant, #{processes := Processes, n := Hops}) ->
    Main = self(),
    First = start(Variant, 0, fun() -> first(Main) end),
    Last = build(Variant, 1, Processes, First, Main),
    First ! {next, Last},
    pass(First, Processes),
    Start = erlang:monotonic_time(),
    pass(First, Hops),
    Time = erlang:monotonic_time() - Start,
    First ! stop,
    receive stopped -> ok end,
    {Hops, Time}.

pass(First, K) ->
    First ! {token, K},
    receive done -> ok end.

build(_Variant, Processes, Processes, Next, _Main) -> Next;
build(Variant, I, Processes, Next, Main) ->
    build(Variant, I + 1, Processes, start(Variant, I, fun() -> member(Next, Main) end), Main).

start('1k_alternating', I, Fun) -> tsvm_bench:pinned(I rem 2 + 1, Fun);
start(_Variant, _I, Fun) -> spawn(Fun).

%% The first process learns its neighbour last, and is the one that `stop` comes back to.
first(Main) ->
    receive {next, Next} -> ok end,
    member(Next, Main),
    receive stop -> Main ! stopped end.

member(Next, Main) ->
    receive
        {token, 0} ->
            Main ! done,
            member(Next, Main);
        {token, K} ->
            Next ! {token, K - 1},
            member(Next, Main);
        stop ->
            Next ! stop
    end.
