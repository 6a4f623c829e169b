//! Searches for controllers keep their bits, from version to version.

use strategies::{Data, Search, StrategyConfig};

use super::suite::all;

/// FNV-1a.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// All members of 12 generations in 37 parameters, told a fitness with several optima, and the state after them.
fn bits(mut search: Search<f32>) -> u64 {
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    let mut members: Vec<f32> = Vec::new();
    for _ in 0..12 {
        search.ask();
        search.population_matrix(&mut members);
        members.iter().for_each(|x| hash.take(&x.to_le_bytes()));
        let value = |x: &f32| libm::sin(7.0 * f64::from(*x)) - f64::from(*x) * f64::from(*x);
        let fitness: Vec<f64> = members.chunks(37).map(|x| x.iter().map(value).sum()).collect();
        search.tell(&fitness).unwrap();
    }
    let state = search.state();
    for (name, tensor) in &state.tensors {
        hash.take(name.as_bytes());
        match &tensor.data {
            Data::F32(values) => values.iter().for_each(|x| hash.take(&x.to_le_bytes())),
            Data::F64(values) => values.iter().for_each(|x| hash.take(&x.to_le_bytes())),
        }
    }
    state.integers.values().for_each(|x| hash.take(&x.to_le_bytes()));
    state.reals.values().for_each(|x| hash.take(&x.to_le_bytes()));
    hash.0
}

#[test]
fn searches_of_single_precision_have_the_bits_they_had() {
    let built_in = all().into_iter().filter(|config| !matches!(config, StrategyConfig::Registered(_)));
    let found: Vec<(&str, u64)> = built_in
        .map(|config| {
            let search = config.build(&config.start(vec![0.3; 37]), 21).unwrap();
            (config.name(), bits(search))
        })
        .collect();
    assert_eq!(found, EXPECTED);
}

/// Two settings of each strategy, in the order of the suite.
const EXPECTED: [(&str, u64); 40] = [
    ("open_es", 0xc7db_cde9_c1c6_8695),
    ("open_es", 0x4a9b_6d35_734e_1fbb),
    ("cma_es", 0xdd5a_168b_01d6_d2d0),
    ("cma_es", 0x1a9f_9408_90be_2a7b),
    ("sep_cma_es", 0x20bf_b55d_4078_6a91),
    ("sep_cma_es", 0x5b62_515d_a02c_028f),
    ("pgpe", 0xc3f2_4c05_7387_f4d3),
    ("pgpe", 0x66c8_93ed_44fd_93e5),
    ("snes", 0xb31f_d6d8_e44c_2fb1),
    ("snes", 0x2bb1_16ec_ff5b_f3f3),
    ("xnes", 0x9f55_27a6_dae8_878a),
    ("xnes", 0x98d0_e98b_6f93_283c),
    ("ars", 0xd27d_5490_dc5f_e437),
    ("ars", 0x9019_2587_65ff_12dc),
    ("ec", 0x0593_c53f_7c07_9564),
    ("ec", 0xdf18_d876_d465_a8ea),
    ("lm_ma_es", 0xaaa2_aa3b_f9a7_d1f5),
    ("lm_ma_es", 0xbbe1_f39a_71fa_5a83),
    ("cr_fm_nes", 0x22f6_83c5_95f1_c762),
    ("cr_fm_nes", 0xc523_6bc4_302d_5627),
    ("ga", 0xd619_3370_d035_a744),
    ("ga", 0xf4e8_5c56_58be_5511),
    ("de", 0x8936_58f6_1caf_6407),
    ("de", 0xbe79_e613_fb20_c0ea),
    ("pso", 0x9e8c_1a7d_c2bf_c31d),
    ("pso", 0x13fd_c17a_230f_0e71),
    ("random_search", 0xba75_7bec_7f5f_5305),
    ("random_search", 0xaf13_e05b_b5cd_42e4),
    ("cma_es", 0xa042_06f8_2ac4_8e2f),
    ("cma_es", 0xb135_7aa0_d527_b631),
    ("low_rank_es", 0x3d66_af92_73c1_74a1),
    ("low_rank_es", 0xfb61_7057_94fe_9762),
    ("discrete", 0xfcbb_2e85_4f2a_b9cb),
    ("discrete", 0xa9c3_9be7_2b0e_fd47),
    ("reevaluated", 0x9893_a28b_892a_6168),
    ("reevaluated", 0xc487_2222_c2d0_2245),
    ("restarts", 0xc473_d85e_4f3b_0b6e),
    ("restarts", 0x42c9_11dc_b099_df63),
    ("bounded", 0xdd5a_168b_01d6_d2d0),
    ("bounded", 0x9e8c_1a7d_c2bf_c31d),
];
