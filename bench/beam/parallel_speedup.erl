%% The same as bench/workloads/parallel-speedup.ts.
-module(parallel_speedup).
-export([values/2]).

-define(FIBS_A_JOB, 4).

values(_Variant, #{n := Jobs, size := Size}) ->
    Expected = cpu:fib(Size) * ?FIBS_A_JOB,
    One = timed(fun() -> [Expected = job(Size) || _ <- lists:seq(1, Jobs)] end),
    Main = self(),
    Spread = timed(fun() ->
        [spawn_link(fun() -> Main ! {answer, job(Size)} end) || _ <- lists:seq(1, Jobs)],
        [receive {answer, Result} -> Expected = Result end || _ <- lists:seq(1, Jobs)]
    end),
    [{one, One}, {spread, Spread}, {factor, One / Spread}].

job(Size) -> job(?FIBS_A_JOB, Size, 0).

job(0, _Size, Sum) -> Sum;
job(N, Size, Sum) -> job(N - 1, Size, Sum + cpu:fib(Size)).

timed(Work) ->
    Start = erlang:monotonic_time(),
    Work(),
    tsvm_bench:seconds(erlang:monotonic_time() - Start) * 1000.
