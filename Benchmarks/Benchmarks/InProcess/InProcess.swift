// The cases as benchmarks of the benchmark library: time and throughput, which are reported and never gated.
// SPDX-License-Identifier: Apache-2.0

import Benchmark
import Cases

let benchmarks: @Sendable () -> Void = {
    for entry in BenchmarkCase.all {
        let prepared: PreparedCase
        do {
            prepared = try entry.prepare()
        } catch {
            print("\(entry.name) is not measured: \(error)")
            continue
        }
        Benchmark(
            entry.name,
            configuration: Benchmark.Configuration(
                metrics: [.wallClock, .throughput], scalingFactor: entry.isShort ? .kilo : .one,
                maxDuration: .seconds(2))
        ) { benchmark in
            do {
                try prepared.run(benchmark.scaledIterations.count)
            } catch {
                benchmark.error("\(entry.name): \(error)")
            }
        }
    }
}
