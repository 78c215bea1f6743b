// Imports the package and prints what it says about itself, or the error.

const report = await import('../../lib/index.js').then(
  ({ isa, supportedIsas, threads, version }) => ({
    isa: isa(),
    supportedIsas: supportedIsas(),
    threads: threads(),
    version,
  }),
  (error) => ({ name: error.name, code: error.code, message: error.message }),
)
process.stdout.write(JSON.stringify(report))

export {}
