//! Loops compiled for each instruction set, chosen at run time.

/// Defines a function whose body is compiled for AVX-512, for AVX2 and for the target's baseline, and
/// which calls the best that the machine has. Inside the body, `FMA` says whether fused multiply-adds
/// are a machine instruction. Type parameters go in brackets: `fn f[A: Pointwise](..)`.
macro_rules! simd {
    ($(#[$doc:meta])* $v:vis fn $name:ident $([$($g:ident: $b:path),+])? ($($a:ident: $t:ty),* $(,)?) $(-> $r:ty)? $body:block) => {
        $(#[$doc])*
        $v fn $name $(<$($g: $b),+>)? ($($a: $t),*) $(-> $r)? {
            #[inline(always)]
            #[allow(clippy::extra_unused_type_parameters)]
            fn body<const FMA: bool $(, $($g: $b),+)?>($($a: $t),*) $(-> $r)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn avx512 $(<$($g: $b),+>)? ($($a: $t),*) $(-> $r)? { body::<true $(, $($g),+)?>($($a),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2 $(<$($g: $b),+>)? ($($a: $t),*) $(-> $r)? { body::<true $(, $($g),+)?>($($a),*) }
                match $crate::isa::isa() {
                    // SAFETY: the machine has these features, says `isa`.
                    $crate::isa::Isa::Avx512 => return unsafe { avx512 $(::<$($g),+>)? ($($a),*) },
                    // SAFETY: as above.
                    $crate::isa::Isa::Avx2 => return unsafe { avx2 $(::<$($g),+>)? ($($a),*) },
                    _ => {}
                }
            }
            body::<{ cfg!(target_arch = "aarch64") } $(, $($g),+)?>($($a),*)
        }
    };
}
pub(crate) use simd;
