%% The same as bench/workloads/timers.ts.
-module(timers).
-export([values/2]).

values(_Variant, #{n := N}) ->
    Main = self(),
    Delays = delays(N, 42),
    Sink = spawn(fun() -> Main ! {late, collect(N, tsvm_bench:latency_new(), 0)} end),
    Start = erlang:monotonic_time(),
    lists:foreach(fun(Delay) ->
        Due = erlang:monotonic_time() + erlang:convert_time_unit(Delay, millisecond, native),
        erlang:send_after(Delay, Sink, {t, Due})
    end, Delays),
    Insert = N / tsvm_bench:seconds(erlang:monotonic_time() - Start),
    Late = receive {late, L} -> L end,
    Refs = [erlang:send_after(60000 + Delay, Main, late) || Delay <- Delays],
    Cancelled = erlang:monotonic_time(),
    lists:foreach(fun(Ref) -> true = is_integer(erlang:cancel_timer(Ref)) end, Refs),
    Cancel = N / tsvm_bench:seconds(erlang:monotonic_time() - Cancelled),
    [{insert, Insert}, {cancel, Cancel} | Late].

collect(0, Histogram, Max) ->
    [{late_p50, tsvm_bench:latency_us(Histogram, 50)},
     {late_p99, tsvm_bench:latency_us(Histogram, 99)},
     {late_max, Max / 1000}];
collect(N, Histogram, Max) ->
    receive
        {t, Due} ->
            Late = erlang:monotonic_time() - Due,
            tsvm_bench:latency_add(Histogram, Late),
            collect(N - 1, Histogram, max(Max, erlang:convert_time_unit(Late, native, nanosecond)))
    end.

delays(0, _Seed) -> [];
delays(N, Seed) ->
    Next = (Seed * 1103515245 + 12345) band 16#ffffffff,
    [(Next bsr 8) rem 1001 | delays(N - 1, Next)].
