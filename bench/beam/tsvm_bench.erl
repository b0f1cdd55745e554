%% Driver: runs the passes of one benchmark in a fresh BEAM and prints one JSON line per sample.
%%
%% The harness (bench/harness.ts) starts it as
%%   erl +S n:n -noshell -pa DIR -s tsvm_bench main -extra MODULE VARIANT PASSES SAMPLES MEASURED_MS key=value …
%% PASSES is a list with commas: `rate` and `time` (Module:body/2 again and again), `latencies` (Module:latencies/2 once a
%% sample), `values` (Module:values/2 once), `sizes` (Module:sizes/2 once). Warm-up and statistics are the harness's, the same for every VM.
-module(tsvm_bench).
-export([main/0, seconds/1, latency_new/0, latency_add/2, latency_us/2, pinned/2, scheduler/1]).

main() ->
    [Module0, Variant0, Passes0, Samples0, MeasuredMs0 | Params0] = init:get_plain_arguments(),
    Module = list_to_atom(Module0),
    Variant = list_to_atom(Variant0),
    Passes = [list_to_atom(P) || P <- string:split(Passes0, ",", all)],
    Measured = erlang:convert_time_unit(list_to_integer(MeasuredMs0), millisecond, native),
    Params = maps:from_list([param(P) || P <- Params0]),
    io:format("{\"otp\":\"~s\"}~n", [otp_version()]),
    try
        [sample(Module, Variant, Passes, Measured, Params) || _ <- lists:seq(1, list_to_integer(Samples0))],
        halt(0)
    catch
        Class:Reason:Stack ->
            io:format(standard_error, "~p:~p ~p~n", [Class, Reason, Stack]),
            halt(1)
    end.

sample(Module, Variant, Passes, Measured, Params) ->
    Values = lists:append([pass(P, Module, Variant, Measured, Params) || P <- Passes]),
    Fields = [io_lib:format("\"~s\":~w", [Name, Value]) || {Name, Value} <- Values],
    io:format("{\"values\":{~s}}~n", [lists:join(",", Fields)]).

pass(rate, Module, Variant, Measured, Params) ->
    [{rate, rate(Module, Variant, Measured, Params, 0, 0)}];
pass(time, Module, Variant, Measured, Params) ->
    [{ms, 1000 / rate(Module, Variant, Measured, Params, 0, 0)}];
pass(Pass, Module, Variant, _Measured, Params) ->
    in_new_process(fun() -> Module:Pass(Variant, Params) end).

%% The sample is all operations by all measured time.
rate(_Module, _Variant, Measured, _Params, Ops, Time) when Ops > 0, Time >= Measured ->
    Ops / seconds(Time);
rate(Module, Variant, Measured, Params, Ops, Time) ->
    {BodyOps, BodyTime} = in_new_process(fun() -> Module:body(Variant, Params) end),
    rate(Module, Variant, Measured, Params, Ops + BodyOps, Time + BodyTime).

in_new_process(Fun) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({result, Fun()}) end),
    receive
        {'DOWN', Ref, process, Pid, {result, Result}} -> Result;
        {'DOWN', Ref, process, Pid, Reason} -> error(Reason)
    end.

param(Text) ->
    [Key, Value] = string:split(Text, "="),
    {list_to_atom(Key), list_to_integer(Value)}.

otp_version() ->
    Release = erlang:system_info(otp_release),
    File = filename:join([code:root_dir(), "releases", Release, "OTP_VERSION"]),
    case file:read_file(File) of
        {ok, Version} -> string:trim(Version);
        {error, _} -> Release
    end.

seconds(Native) ->
    Native / erlang:convert_time_unit(1, second, native).

%% Pinned to scheduler I; where the VM has fewer, they are shared in turn.
pinned(I, Fun) ->
    spawn_opt(Fun, [{scheduler, scheduler(I)}]).

scheduler(I) ->
    (I - 1) rem erlang:system_info(schedulers) + 1.

%% A histogram that makes no garbage: steps of 10 ns up to 1 ms, of 1 us up to 1 s, and the rest.
-define(FINE_STEP, 10).
-define(FINE_COUNT, 100000).
-define(COARSE_STEP, 1000).
-define(COARSE_COUNT, 1000000).

latency_new() ->
    counters:new(?FINE_COUNT + ?COARSE_COUNT, []).

latency_add(Histogram, Native) ->
    counters:add(Histogram, bucket(erlang:convert_time_unit(Native, native, nanosecond)), 1).

bucket(Ns) when Ns < ?FINE_STEP * ?FINE_COUNT -> Ns div ?FINE_STEP + 1;
bucket(Ns) -> ?FINE_COUNT + min(Ns div ?COARSE_STEP, ?COARSE_COUNT - 1) + 1.

%% The latency, in microseconds, that Percent of the counted ones do not exceed (the middle of its step).
latency_us(Histogram, Percent) ->
    Total = total(Histogram, 1, 0),
    find(Histogram, 1, ceil(Total * Percent / 100)).

total(_Histogram, I, Sum) when I > ?FINE_COUNT + ?COARSE_COUNT -> Sum;
total(Histogram, I, Sum) -> total(Histogram, I + 1, Sum + counters:get(Histogram, I)).

find(Histogram, I, Left) ->
    case Left - counters:get(Histogram, I) of
        Rest when Rest > 0 -> find(Histogram, I + 1, Rest);
        _ when I =< ?FINE_COUNT -> ((I - 1) * ?FINE_STEP + ?FINE_STEP / 2) / 1000;
        _ -> ((I - 1 - ?FINE_COUNT) * ?COARSE_STEP + ?COARSE_STEP / 2) / 1000
    end.
