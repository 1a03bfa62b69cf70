//! One test per promise, for one backend.

/// Makes the tests: `conformance_suite!(expression that makes a Backend)`.
#[macro_export]
macro_rules! conformance_suite {
    ($backend:expr) => {
        $crate::conformance_suite!(@each $backend;
            positions_and_versions_are_dense, a_record_comes_back_as_it_was_given,
            a_refused_append_writes_nothing, what_exceeds_a_limit_is_refused, a_request_is_accepted_once,
            streams_are_apart, a_closed_journal_says_so, reads_keep_to_their_limits,
            large_bodies_come_back_whole, a_read_of_much_ends_early_and_goes_on, streams_are_listed_by_kind,
            a_new_process_finds_everything, a_race_has_one_winner, a_watcher_is_woken_for_its_stream_only);

        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn many_writers_agree_on_one_order() {
            for seed in 0..4 {
                $crate::conformance::many_writers_agree_on_one_order($backend, seed).await;
            }
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn a_subscription_has_no_gap_and_no_repeat() {
            for seed in 0..4 {
                $crate::conformance::a_subscription_has_no_gap_and_no_repeat($backend, seed).await;
            }
        }
    };
    (@each $backend:expr; $($promise:ident),+) => {
        $(
            #[tokio::test]
            async fn $promise() {
                $crate::conformance::$promise($backend).await;
            }
        )+
    };
}
