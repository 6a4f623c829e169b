//! Supervised training.

use super::config;
use crate::finetune::FinetuneError;
use crate::finetune::classify::Classifier;

const SMALL: &str = r#"(
    task: Classify(
        data: YinYang(train: 300, validation: 60, test: 90),
        batch: 32,
        normalize: true,
        gradient: (
            surrogate: (function: "fast_sigmoid", parameters: {"slope": 5}),
            optimizer: Adam(learning_rate: 0.05),
        ),
    ),
    controller: Snn(hidden: [Dense(neurons: 24, parameters: {"decay": 0.5})], ticks: 6, input_gain: 8),
)"#;

fn learner(sets: &[&str], threads: usize) -> Classifier {
    Classifier::new(&config(SMALL, sets), threads).unwrap()
}

#[test]
fn it_learns_and_threads_change_no_bit() {
    let [mut one, mut three] = [1, 3].map(|threads| learner(&[], threads));
    let first = one.advance().unwrap();
    assert_eq!(first, three.advance().unwrap());
    let mut last = first;
    for _ in 0..14 {
        last = one.advance().unwrap();
        assert_eq!(last, three.advance().unwrap());
    }
    assert_eq!(one.checkpoint().to_bytes(), three.checkpoint().to_bytes());
    assert!(last.accuracy > 0.8 && last.loss < first.loss, "{last:?} after {first:?}");
    let assessment = one.validate().unwrap().unwrap();
    assert!(assessment.confusion.accuracy() > 0.7, "{assessment:?}");
    assert_eq!(assessment.confusion.counts.iter().sum::<u64>(), 60);
    assert!(last.spike_rate.is_some_and(|rate| rate > 0.0 && rate < 1.0));
}

#[test]
fn perceptrons_learn_too() {
    let mut learner = learner(&["controller=Mlp(hidden: [32])"], 1);
    let mut last = learner.advance().unwrap();
    assert_eq!(last.spike_rate, None);
    for _ in 0..20 {
        last = learner.advance().unwrap();
    }
    assert!(last.accuracy > 0.8, "{last:?}");
}

#[test]
fn a_resumed_training_is_that_without_a_break() {
    let mut whole = learner(&[], 1);
    for _ in 0..2 {
        let epoch = whole.advance().unwrap();
        whole.note(epoch.accuracy, epoch.loss);
    }
    let mut again = learner(&[], 1);
    again.restore(&whole.checkpoint()).unwrap();
    assert_eq!(again.best(), whole.best());
    for _ in 0..2 {
        assert_eq!(whole.advance().unwrap(), again.advance().unwrap());
    }
    assert_eq!(whole.checkpoint().to_bytes(), again.checkpoint().to_bytes());
    // From its parameters, another training starts where it ended.
    let mut next = learner(&["run.seed=7"], 1);
    next.warm_start(&whole.checkpoint()).unwrap();
    assert_eq!(next.generation(), 0);
    assert_eq!(next.validate().unwrap(), whole.validate().unwrap());
    let mut other = learner(&["controller.ticks=5"], 1);
    let text = other.warm_start(&whole.checkpoint()).unwrap_err().to_string();
    assert!(text.contains("another controller"), "{text}");
}

#[test]
fn the_best_parameters_are_tested() {
    let mut learner = learner(&[], 1);
    for _ in 0..6 {
        learner.advance().unwrap();
    }
    assert!(learner.note(0.5, 1.0) && !learner.note(0.5, 1.0) && learner.note(0.5, 0.9));
    let (part, best) = learner.test().unwrap();
    assert_eq!((part, learner.best()), ("test", Some((6, 0.5))));
    for _ in 0..3 {
        learner.advance().unwrap();
    }
    assert_eq!(learner.test().unwrap().1, best);
    learner.forget_best();
    assert_ne!(learner.test().unwrap().1, best);
}

#[test]
fn what_is_not_finite_stops_the_training_with_its_step() {
    let sets = ["task.gradient.optimizer.learning_rate=1e40", "task.gradient.clip=None"];
    let mut learner = learner(&sets, 1);
    let before = learner.checkpoint();
    let error = learner.advance().unwrap_err();
    assert!(matches!(error, FinetuneError::Gradient(_)), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("parameter of ") && text.ends_with("is not finite (step 0)"), "{text}");
    assert_eq!(learner.checkpoint().to_bytes(), before.to_bytes());
}

#[test]
fn mistakes_are_found_before_training() {
    for (set, text) in [
        ("task.batch=0", "task.batch = 0: must be at least 1"),
        ("task.loss=CrossEntropyMembrane(smoothing: 1)", "`smoothing` is 1"),
        ("task.loss=CrossEntropyCount()", "multiple of the 3 classes"),
        ("task.gradient.window=0", "`window` is 0"),
        ("task.gradient.optimizer.learning_rate=0", "`optimizer.learning_rate` is 0"),
        ("task.gradient.surrogate.function=\"1/(1 + k*abs(u))\"", "unknown symbol `k`"),
        ("task.gradient.surrogate.function=\"fast\"", "unknown surrogate \"fast\"; valid: arctan"),
        ("controller.plasticity=[()]", "`plasticity`"),
        ("controller.precision=Binary", "Binary networks have no gradient"),
        ("task=None", "task = None: must be Classify(…), Imitate(…) or Ppo(…)"),
    ] {
        // 24 neurons are a multiple of 3; 25 are none.
        let neurons = "controller.hidden=[Dense(neurons: 25)]";
        let sets = if set.contains("Count") { vec![neurons, set] } else { vec![set] };
        let error = Classifier::new(&config(SMALL, &sets), 1).map(drop).unwrap_err().to_string();
        assert!(error.contains(text), "{set}: {error}");
    }
}
