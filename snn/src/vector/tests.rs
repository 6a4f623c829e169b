//! All vector types do what one number at a time does.

use proptest::prelude::*;

use super::{Ints, SHORT, Set, Vector, compiled_for, settle};
use crate::equations::{self, bits};
use crate::lanes::{Lanes, WIDTH};

/// All operations on numbers `a`, `b` and a mask, by name.
#[inline(always)]
fn numbers<V: Vector>(a: &Lanes, b: &Lanes, mask: u32, out: &mut Vec<(&'static str, Lanes, u32)>) {
    let (a, b, chosen) = (V::load(a), V::load(b), V::mask(mask));
    let mut add = |name, value: V, truth: V::Mask| {
        let mut lanes = Lanes::ZERO;
        value.store(&mut lanes);
        out.push((name, lanes, V::bits(truth)));
    };
    add("sum", a + b, V::mask(mask));
    add("difference", a - b, V::not(chosen));
    add("product", a * b, V::or(chosen, a.lt(b)));
    add("negative, less", -a, a.lt(b));
    add("size, not more", a.abs(), a.le(b));
    add("floor, equal", a.floor(), a.eq(b));
    add("round, itself", a.round(), a.eq(a));
    add("select, bad", V::select(chosen, a, b), a.bad());
    add("power, tiny", a.round().max(V::splat(-126.0)).min(V::splat(127.0)).power_of_two(), a.tiny());
    add("exponent, choose", a.abs().exponent(), V::choose(chosen, a.lt(b), b.lt(a)));
    add("mantissa", a.abs().mantissa(), V::and(chosen, a.lt(b)));
    add("sum where", a.add_where(chosen, b), V::none());
    add("seeds", a.reciprocal_seed(), V::none());
    add("root", a.abs().root_seed(), V::none());
    for grid in [true, false] {
        let mut fault = V::none();
        let value = if grid { settle::<V, true>(a, &mut fault) } else { settle::<V, false>(a, &mut fault) };
        add("settle", value, fault);
    }
}

/// The same, one by one; NaN as it comes.
fn expected(a: f32, b: f32, chosen: bool) -> Vec<(f32, bool)> {
    let mut all = vec![
        (a + b, chosen),
        (a - b, !chosen),
        (a * b, chosen | (a < b)),
        (-a, a < b),
        (a.abs(), a <= b),
        (a.floor(), a == b),
        (a.round_ties_even(), !a.is_nan()),
        (if chosen { a } else { b }, !a.is_finite()),
        (bits::power_of_two(a.round_ties_even().clamp(-126.0, 127.0)), a == 0.0 || a.is_subnormal()),
        (bits::exponent(a.abs()), if chosen { a < b } else { b < a }),
        (bits::mantissa(a.abs()), chosen & (a < b)),
        (if chosen { a + b } else { a }, false),
        (bits::reciprocal_seed(a), false),
        (bits::root_seed(a.abs()), false),
    ];
    let mut fault = 0;
    all.push((equations::settle_within::<true>(a, equations::STATE_LIMIT, &mut fault), fault != 0));
    all.push((equations::settle_within::<false>(a, equations::STATE_LIMIT, &mut fault), fault != 0));
    all
}

#[inline(always)]
fn integers<V: Vector>(a: &[i8; SHORT], sum: &[Ints; 2], pair: i32) -> Vec<Ints> {
    let [low, high] = sum;
    let (low, high) = (V::int_load(low), V::int_load(high));
    let short = V::short_add(V::short_add(V::short_zero(), a), a);
    let [first, second] = V::short_ints(short);
    let mut out = vec![Ints::default(); 6];
    let dot = V::int_dot(low, a, pair);
    let some = V::int_add_where(low, V::mask(0b11), high);
    let values = [first, second, dot, V::int_add(low, high), V::int_zero(), some];
    for (value, out) in values.into_iter().zip(&mut out) {
        V::int_store(value, out);
    }
    let mut floats = Lanes::ZERO;
    V::int_float(low).store(&mut floats);
    out.push(Ints(floats.0.map(|x| x as i32)));
    out
}

fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        any::<u32>().prop_map(f32::from_bits),
        -200.0_f32..200.0,
        prop::sample::select(vec![0.0, -0.0, 0.5, 1.5, -2.5, 128.0, f32::INFINITY, f32::NAN, 1e-40]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn numbers_are_the_same(
        a in prop::array::uniform16(number()), b in prop::array::uniform16(number()), mask in 0_u32..1 << 16,
    ) {
        for set in Set::available() {
            let run = compiled_for!(
                set,
                numbers[](a: &Lanes, b: &Lanes, mask: u32, out: &mut Vec<(&'static str, Lanes, u32)>),
                []
            );
            let mut found = Vec::new();
            #[expect(unsafe_code, reason = "calls a copy compiled for detected CPU features")]
            // SAFETY: the set is available.
            unsafe {
                run(&Lanes(a), &Lanes(b), mask, &mut found);
            }
            for lane in 0..WIDTH {
                for ((name, values, truths), (value, truth)) in
                    found.iter().zip(expected(a[lane], b[lane], mask >> lane & 1 == 1))
                {
                    let x = values.0[lane];
                    // Bit tricks on NaN and smaller and larger of NaN mean nothing.
                    let any = a[lane].is_nan() && ["power, tiny", "exponent, choose", "mantissa", "seeds", "root"]
                        .contains(name);
                    prop_assert!(
                        any || x.to_bits() == value.to_bits() || x.is_nan() && value.is_nan(),
                        "{set:?}: {name} of {}, {}: {x}, not {value}", a[lane], b[lane]
                    );
                    prop_assert_eq!(truths >> lane & 1 == 1, truth, "{:?}: {} of {}, {}", set, name, a[lane], b[lane]);
                }
            }
        }
    }

    #[test]
    fn integers_are_the_same(
        a in prop::array::uniform32(any::<i8>()), low in prop::array::uniform16(-(1 << 20)..1 << 20),
        high in prop::array::uniform16(any::<i32>()), x in any::<[i8; 2]>(),
    ) {
        let pair = i32::from(x[0]) & 0xffff | i32::from(x[1]) << 16;
        let mut expected = vec![Ints::default(); 7];
        for lane in 0..WIDTH {
            expected[0].0[lane] = 2 * i32::from(a[lane]);
            expected[1].0[lane] = 2 * i32::from(a[WIDTH + lane]);
            let [even, odd] = [a[2 * lane], a[2 * lane + 1]].map(i32::from);
            expected[2].0[lane] = low[lane] + even * i32::from(x[0]) + odd * i32::from(x[1]);
            expected[3].0[lane] = i32::wrapping_add(low[lane], high[lane]);
            expected[5].0[lane] = if lane < 2 { i32::wrapping_add(low[lane], high[lane]) } else { low[lane] };
            expected[6].0[lane] = low[lane];
        }
        for set in Set::available() {
            let run =
                compiled_for!(set, integers[](a: &[i8; SHORT], sum: &[Ints; 2], pair: i32) -> Vec<Ints>, []);
            #[expect(unsafe_code, reason = "calls a copy compiled for detected CPU features")]
            // SAFETY: the set is available.
            let found = unsafe { run(&a, &[Ints(low), Ints(high)], pair) };
            prop_assert_eq!(&found, &expected, "{:?}", set);
        }
    }
}
