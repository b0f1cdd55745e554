%% The same as bench/workloads/throughput-cross.ts.
-module(throughput_cross).
-export([body/2]).

-define(CREDIT, 1000).
-define(RETURNED, 500).

body(_Variant, #{n := N}) ->
    Main = self(),
    Consumer = tsvm_bench:pinned(2, fun() ->
        receive {producer, Producer} -> consume(Producer, N, ?RETURNED) end,
        Main ! consumed
    end),
    Producer = tsvm_bench:pinned(1, fun() ->
        receive go -> produce(Consumer, N, ?CREDIT) end
    end),
    Consumer ! {producer, Producer},
    Start = erlang:monotonic_time(),
    Producer ! go,
    receive consumed -> ok end,
    {N, erlang:monotonic_time() - Start}.

produce(_Consumer, 0, _Credit) -> ok;
produce(Consumer, I, 0) ->
    receive {credit, More} -> produce(Consumer, I, More) end;
produce(Consumer, I, Credit) ->
    Consumer ! {msg, I},
    produce(Consumer, I - 1, Credit - 1).

consume(_Producer, 0, _Left) -> ok;
consume(Producer, I, 0) ->
    Producer ! {credit, ?RETURNED},
    consume(Producer, I, ?RETURNED);
consume(Producer, I, Left) ->
    receive {msg, I} -> consume(Producer, I - 1, Left - 1) end.
