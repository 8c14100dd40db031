// Derived from src/testing/fault_proxy_main.ts by tools/derive_worker.ts. Change that file, then run: deno task derive
/** The code of the thread: the function `start` of `fault_proxy_main.ts`, and all that it uses. */
export const FAULT_PROXY_CODE: string =
  "var Cell={Open:0,Accepted:1,Armed:2,Direction:3,After:4,Then:5,Struck:6,Released:7,Passed:8,Stalled:10,\n" +
  'Delay:11,Refusing:12,Count:13};var THEN=["end","reset","hold"];var{parentPort,workerData}=process.getBuiltinModule("node:worker_threads");var{connect,createServer}=process.\n' +
  'getBuiltinModule("node:net");function start(){const{memory,host,port}=workerData;const cells=new Int32Array(\n' +
  'memory);const server=createServer({allowHalfOpen:true},client=>{client.on("error",()=>{});if(Atomics.\n' +
  "load(cells,Cell.Refusing)===1)return void client.resetAndDestroy();const upstream=connect({port,host,\n" +
  "noDelay:true,allowHalfOpen:true});client.setNoDelay(true);const connection=new Connection(cells,client,\n" +
  'upstream);client.on("data",chunk=>connection.received(0,chunk));upstream.on("data",chunk=>connection.\n' +
  'received(1,chunk));upstream.on("error",()=>client.destroy());client.on("end",()=>{upstream.end();client.\n' +
  'end()});upstream.on("end",()=>client.end());client.on("close",()=>{Atomics.sub(cells,Cell.Open,1);upstream.\n' +
  'destroy()})});server.listen(0,"127.0.0.1",()=>parentPort.postMessage(server.address().port))}var Connection=class{#cells;#number;#client;#server;#isCut=false;constructor(cells,client,server){\n' +
  "this.#cells=cells;this.#client=client;this.#server=server;this.#number=Atomics.add(cells,Cell.Accepted,\n" +
  "1)+1;Atomics.add(cells,Cell.Open,1)}received(direction,chunk){const delay=this.#load(Cell.Delay);if(this.#load(\n" +
  "Cell.Stalled)===0&&delay===0)return this.#pass(direction,chunk);const since=performance.now();const mayPass=()=>this.#load(\n" +
  "Cell.Stalled)===0&&performance.now()-since>=delay;this.#hold(direction,mayPass,()=>this.#pass(direction,\n" +
  "chunk))}#load(cell){return Atomics.load(this.#cells,cell)}#hold(direction,mayPass,pass){const from=direction===\n" +
  "0?this.#client:this.#server;const to=direction===0?this.#server:this.#client;from.pause();const timer=setInterval(\n" +
  "()=>{if(!to.destroyed&&!mayPass())return;clearInterval(timer);if(to.destroyed)return;pass();from.resume()},\n" +
  "1)}#pass(direction,chunk){if(this.#isCut)return;const to=direction===0?this.#server:this.#client;if(this.#load(\n" +
  "Cell.Armed)!==this.#number)return void to.write(chunk);const left=this.#load(Cell.After)-this.#load(\n" +
  "Cell.Passed+direction);const then=THEN[this.#load(Cell.Then)-1];const strikes=then!==void 0&&this.#load(\n" +
  "Cell.Struck)===0&&this.#load(Cell.Direction)===direction&&chunk.length>left;const now=strikes?chunk.\n" +
  "subarray(0,left):chunk;Atomics.add(this.#cells,Cell.Passed+direction,now.length);if(!strikes)return void to.\n" +
  'write(now);if(then!=="hold")return void(now.length===0?this.#cut(then):to.write(now,()=>this.#cut(then)));\n' +
  "to.write(now);Atomics.store(this.#cells,Cell.Struck,1);this.#hold(direction,()=>this.#load(Cell.Released)===\n" +
  "1,()=>this.#pass(direction,chunk.subarray(left)))}#cut(then){this.#isCut=true;Atomics.store(this.#cells,\n" +
  'Cell.Struck,1);if(then==="end")this.#client.end();else this.#client.resetAndDestroy();this.#server.destroy()}};';
