//! Which instruction set the kernels use, found once at run time.
use std::sync::OnceLock;

/// An instruction set that kernels have code for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Isa {
    /// x86-64 with AVX-512 F, BW, DQ and VL (and AVX2 and FMA).
    Avx512,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// 64-bit Arm: the portable loops, with fused multiply-adds.
    Neon,
    /// Whatever the compiler's target offers.
    Portable,
}

/// The instruction set in use: the best that the machine has, or a lower one when the environment
/// variable `MENAGERIE_ISA` says `avx2` or `portable`.
pub fn isa() -> Isa {
    static ISA: OnceLock<Isa> = OnceLock::new();
    *ISA.get_or_init(|| detect(&std::env::var("MENAGERIE_ISA").unwrap_or_default()))
}

fn detect(want: &str) -> Isa {
    if want == "portable" {
        return Isa::Portable;
    }
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        if avx512 && avx2 && want != "avx2" {
            return Isa::Avx512;
        }
        if avx2 {
            return Isa::Avx2;
        }
    }
    if cfg!(target_arch = "aarch64") {
        Isa::Neon
    } else {
        Isa::Portable
    }
}

/// Whether the processor is AMD's. Its AVX-512 multiplies no faster than its AVX2 for most models, and its L3 is near: what
/// waits for memory costs less beside products than on Intel's.
pub(crate) fn amd() -> bool {
    static AMD: OnceLock<bool> = OnceLock::new();
    *AMD.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            let name = std::arch::x86_64::__cpuid(0);
            [name.ebx, name.edx, name.ecx].map(u32::to_le_bytes).concat() == b"AuthenticAMD"
        }
        #[cfg(not(target_arch = "x86_64"))]
        false
    })
}

/// Name of the instruction set in use: `avx512`, `avx2`, `neon` or `portable`.
pub fn isa_name() -> &'static str {
    match isa() {
        Isa::Avx512 => "avx512",
        Isa::Avx2 => "avx2",
        Isa::Neon => "neon",
        Isa::Portable => "portable",
    }
}
