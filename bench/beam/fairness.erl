%% The same as bench/workloads/fairness.ts.
-module(fairness).
-export([values/2]).

values(Variant, #{n := N, warm := Warm, ms := Ms} = Params) ->
    Hogs = start_all(Params),
    Ticked = tick(Ms),
    case {Variant, Hogs} of
        {idle, _} -> late(Ticked, Ms);
        {_, [Taken | Others]} ->
            kill(Taken),
            [kill(start()) || _ <- lists:seq(1, Warm)],
            Killed = kill_often(N),
            [kill(Hog) || Hog <- Others],
            %% Counted when no hog runs any more: it would take a minute beside a hundred.
            late(Ticked, Ms) ++
                [{kill_p50, tsvm_bench:latency_us(Killed, 50)},
                 {kill_p99, tsvm_bench:latency_us(Killed, 99)}]
    end.

late({Histogram, Ticks, Max}, Ms) ->
    [{late_p50, tsvm_bench:latency_us(Histogram, 50)},
     {late_p99, tsvm_bench:latency_us(Histogram, 99)},
     {late_max, erlang:convert_time_unit(Max, native, nanosecond) / 1000},
     {ticks, Ticks / Ms * 1000}].

start_all(#{hogs := Each, everywhere := Everywhere}) ->
    Slots = case Everywhere of 0 -> 1; _ -> erlang:system_info(schedulers) end,
    [start() || _ <- lists:seq(1, Each * Slots)].

%% Where they run is for the BEAM to say: it moves processes as it thinks best.
start() ->
    spawn_monitor(fun() -> hog(1) end).

hog(X) -> hog((7 * X + 1) rem 1048576).

tick(Ms) ->
    Histogram = tsvm_bench:latency_new(),
    Start = erlang:monotonic_time(),
    Until = Start + erlang:convert_time_unit(Ms, millisecond, native),
    Tick = erlang:convert_time_unit(1, millisecond, native),
    {Ticks, Max} = tick(Histogram, Tick, Until, 0, 0),
    {Histogram, Ticks, Max}.

tick(Histogram, Tick, Until, Ticks, Max) ->
    Before = erlang:monotonic_time(),
    receive after 1 -> ok end,
    Now = erlang:monotonic_time(),
    Late = max(0, Now - Before - Tick),
    tsvm_bench:latency_add(Histogram, Late),
    case Now < Until of
        true -> tick(Histogram, Tick, Until, Ticks + 1, max(Max, Late));
        false -> {Ticks + 1, max(Max, Late)}
    end.

kill_often(N) ->
    Histogram = tsvm_bench:latency_new(),
    [begin
         Victim = start(),
         receive after 5 -> ok end,
         tsvm_bench:latency_add(Histogram, kill(Victim))
     end || _ <- lists:seq(1, N)],
    Histogram.

kill({Pid, Ref}) ->
    Before = erlang:monotonic_time(),
    exit(Pid, kill),
    receive {'DOWN', Ref, process, Pid, _} -> ok end,
    erlang:monotonic_time() - Before.
