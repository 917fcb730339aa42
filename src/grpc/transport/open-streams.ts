import {
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js'

type Call = Parameters<ServerInterceptor>[1]

/** The calls that are answered with a stream, some of which never end by themselves. */
export class OpenStreams {
  private readonly open = new Set<Call>()
  private isStopping = false

  readonly interceptor: ServerInterceptor = (method, call) => {
    if (!method.responseStream) {
      return call as ServerInterceptingCall
    }
    const listener = new ServerListenerBuilder().withOnCancel(() => this.open.delete(call)).build()
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next(listener)
        if (this.isStopping) {
          end(call)
        } else {
          this.open.add(call)
        }
      },
    })
  }

  /** Ends them, and those that are opened from now on. */
  stop(): void {
    this.isStopping = true
    for (const call of this.open) {
      end(call)
    }
  }
}

function end(call: Call): void {
  call.sendStatus({ code: status.UNAVAILABLE, details: 'the server is stopping', metadata: null })
}
